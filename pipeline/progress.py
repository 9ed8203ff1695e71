"""Progress: one line per stage, and a progress bar for long stages in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.markup import escape

from pipeline.stopping import discard_output
from pipeline.store import Store

if TYPE_CHECKING:
    from models.walk_forward.results import Progress as Callback

T = TypeVar("T")


class RunConsole(Console):
    """A console of work that is finished even if the reader of its output, such as `head`, has closed the pipe."""

    def on_broken_pipe(self) -> None:
        """Print nothing from now on."""
        self.quiet = True
        discard_output(sys.stdout.fileno())


class Reporter:
    """Report the current stage, its duration, and the stages that were reused.

    Parameters
    ----------
    console : rich.console.Console
        Destination of the lines; tests pass a quiet one.

    Attributes
    ----------
    seconds : dict of str to float
        Wall-clock time of each stage, in seconds.
    reused : list of str
        Stages that came from the store.
    stage_lines : dict of str to str
        Line that was printed for each stage.
    warnings : list of str
        Printed warnings, in order.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self.reused: list[str] = []
        self.stage_lines: dict[str, str] = {}
        self.warnings: list[str] = []
        self._notes: list[str] = []

    def line(self, stage: str, text: str, aside: str = "") -> None:
        """Print one line of the run's log."""
        # Names of files, columns and assets may contain brackets, which rich would read as markup.
        self.console.print(
            escape(f"{stage:<26} {text}") + (f"  [dim]{escape(aside)}[/dim]" if aside else ""),
            highlight=False,
            soft_wrap=True,
        )

    def warn(self, text: str) -> None:
        """Print one warning on its own line, and keep it for the summary of the run.

        A warning reports something that can change a result. Call this outside the function that computes a stored
        stage: a stage that comes from the store must warn as well. The same text is printed only once.

        Parameters
        ----------
        text : str
            What is wrong, where, and what to do about it.
        """
        if text not in self.warnings:
            self.warnings.append(text)
            self.line("warning", text)

    def note(self, text: str) -> None:
        """Print one line about how the data was read, such as rows that were left out. Repeats are not printed.

        Parameters
        ----------
        text : str
            How the reading differs from the file, or which assumption was made.
        """
        if text not in self._notes:
            self._notes.append(text)
            self.line("note", text)

    def stage(self, name: str, make: Callable[[], T], say: Callable[[T], str]) -> T:
        """Run and time one stage."""
        began = time.perf_counter()
        value = make()
        self.seconds[name] = time.perf_counter() - began
        self._tell(name, say(value))
        return value

    def stored(self, store: Store, name: str, key: str, make: Callable[[], T], say: Callable[[T], str]) -> T:
        """Take one stage from the store, or run, time and store it."""
        began = time.perf_counter()
        value, reused = store.get(name.split()[0], key, make)
        self.seconds[name] = time.perf_counter() - began
        if reused:
            self.reused.append(name)
        self._tell(name, say(value))
        return value

    def notices(self, store: Store) -> None:
        """Print the notices of a store before it is used."""
        for text in store.tidy():
            self.line("store", text)

    def _tell(self, name: str, text: str) -> None:
        self.stage_lines[name] = text
        self.line(name, text, "reused" if name in self.reused else f"{self.seconds[name]:.1f} s")

    def again(self, stage_lines: Mapping[str, str], warnings: Sequence[str] = ()) -> None:
        """Print the stages and warnings of an earlier run that is shown instead of being repeated."""
        for text in warnings:
            self.warn(text)
        for name, text in stage_lines.items():
            if name not in self.stage_lines:
                self.reused.append(name)
                self.stage_lines[name] = text
                self.line(name, text, "reused")

    @contextmanager
    def bar(self, name: str) -> Iterator[Callback | None]:
        """Yield a callback that moves a progress bar, or None if the output is not a terminal."""
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
