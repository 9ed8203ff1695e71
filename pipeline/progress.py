"""Progress: one line a stage, and a bar for long ones where there is a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

from pipeline.store import Store

if TYPE_CHECKING:
    from features.matrix import FeatureMatrix
    from models.base import Progress as Callback

T = TypeVar("T")


class Reporter:
    """Tell what is being done, how long it took, and what was reused.

    Parameters
    ----------
    console : rich.console.Console
        Where lines go; a quiet one for tests.

    Attributes
    ----------
    seconds : dict of str to float
        Wall-clock time by stage.
    reused : list of str
        Stages that came from the store.
    told : dict of str to str
        What was said of each stage.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self.reused: list[str] = []
        self.told: dict[str, str] = {}

    def line(self, stage: str, text: str, aside: str = "") -> None:
        """Print one line of the run's log."""
        self.console.print(
            f"{stage:<26} {text}" + (f"  [dim]{aside}[/dim]" if aside else ""),
            highlight=False,
            soft_wrap=True,
        )

    def stage(self, name: str, make: Callable[[], T], say: Callable[[T], str]) -> T:
        """Do and time one stage."""
        began = time.perf_counter()
        value = make()
        self.seconds[name] = time.perf_counter() - began
        self._tell(name, say(value))
        return value

    def stored(self, store: Store, name: str, key: str, make: Callable[[], T], say: Callable[[T], str]) -> T:
        """Take one stage from the store, or do, time and keep it."""
        began = time.perf_counter()
        value, reused = store.get(name.split()[0], key, make)
        self.seconds[name] = time.perf_counter() - began
        if reused:
            self.reused.append(name)
        self._tell(name, say(value))
        return value

    def _tell(self, name: str, text: str) -> None:
        self.told[name] = text
        self.line(name, text, "reused" if name in self.reused else f"{self.seconds[name]:.1f} s")

    def again(self, told: Mapping[str, str]) -> None:
        """Tell the stages of an earlier run that need not be done again."""
        for name, text in told.items():
            if name not in self.told:
                self.reused.append(name)
                self.told[name] = text
                self.line(name, text, "reused")

    @contextmanager
    def bar(self, name: str) -> Iterator[Callback | None]:
        """Give a callback that moves a bar, or None where nobody watches."""
        if not self.console.is_terminal:
            yield None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description:<26}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(name)

            def move(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            yield move


def features_line(matrix: FeatureMatrix) -> str:
    """Return what is said of features."""
    left = f", {len(matrix.missing)} left out" if matrix.missing else ""
    return f"{len(matrix.names)} features{left}"
