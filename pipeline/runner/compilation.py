"""Compilation: explain why the first run waits."""

from __future__ import annotations

from typing import Any, Self

import numba.core.event

from pipeline.progress import Reporter

event: Any = numba.core.event  # without types


class Announced:
    """Report once that a numerical kernel is being compiled inside this context.

    Kernels that numba loads from its disk cache are not compiled and not reported.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._teller = _Teller(reporter)

    def __enter__(self) -> Self:
        event.register("numba:compile", self._teller)
        return self

    def __exit__(self, *exception: object) -> None:
        event.unregister("numba:compile", self._teller)


class _Teller(numba.core.event.Listener):
    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self.announced = False

    def on_start(self, event: Any) -> None:
        if not self.announced:
            self.announced = True
            self.reporter.line("kernels", "compiling numerical kernels, kept for the next run")

    def on_end(self, event: Any) -> None:
        """Do nothing at the end of a compilation."""
