"""Progress: one line a stage, and a bar for long ones where there is a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.markup import escape

from pipeline.store import Store

if TYPE_CHECKING:
    from models.walk_forward.results import Progress as Callback

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
    warnings : list of str
        Warnings that were printed, in their order.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self.reused: list[str] = []
        self.told: dict[str, str] = {}
        self.warnings: list[str] = []
        self._notes: list[str] = []

    def line(self, stage: str, text: str, aside: str = "") -> None:
        """Print one line of the run's log."""
        # Names of files, columns and assets may hold brackets, which rich would take for markup.
        self.console.print(
            escape(f"{stage:<26} {text}") + (f"  [dim]{escape(aside)}[/dim]" if aside else ""),
            highlight=False,
            soft_wrap=True,
        )

    def warn(self, text: str) -> None:
        """Print one warning on a line of its own, and keep it for the summary of the run.

        A warning is something that can change a result. Call this outside of the function that makes a stored
        stage: a stage that comes from the store must warn as well. The same text is printed once.

        Parameters
        ----------
        text : str
            What is wrong, where, and what to do about it.
        """
        if text not in self.warnings:
            self.warnings.append(text)
            self.line("warning", text)

    def note(self, text: str) -> None:
        """Print one line about how the data was read, such as rows that were left out; the same text is printed once.

        Parameters
        ----------
        text : str
            What was read otherwise than it is written, or what was assumed.
        """
        if text not in self._notes:
            self._notes.append(text)
            self.line("note", text)

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

    def notices(self, store: Store) -> None:
        """Print what the user should know of a store before it is used."""
        for text in store.tidy():
            self.line("store", text)

    def _tell(self, name: str, text: str) -> None:
        self.told[name] = text
        self.line(name, text, "reused" if name in self.reused else f"{self.seconds[name]:.1f} s")

    def again(self, told: Mapping[str, str], warnings: Sequence[str] = ()) -> None:
        """Print the stages and warnings of an earlier run that is shown instead of being repeated."""
        for text in warnings:
            self.warn(text)
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
