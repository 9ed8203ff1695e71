"""Export files with which other schedulers call `tangency run-due`, from the templates in operations/templates/.

The files start `tangency run-due` every few minutes instead of repeating the cron expressions of the configurations:

- systemd cannot express "the thirteenth or a Friday"; cron and Kubernetes have no last day of the month;
- a retry or a requested training would have to wait for the next slot;
- a second copy of the schedule could disagree with the configuration.

A call with nothing due takes about a second.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from operations.errors import OperationsError
from pipeline.config import RunConfig
from pipeline.files import write_whole

Target = Literal["cron", "systemd", "kubernetes", "dagster"]
TARGETS: tuple[Target, ...] = get_args(Target)
FILES: dict[Target, tuple[str, ...]] = {
    "cron": ("tangency.cron",),
    "systemd": ("tangency.service", "tangency.timer"),
    "kubernetes": ("tangency.yaml",),
    "dagster": ("tangency_dagster.py",),
}
MARGIN = 5
"""Seconds that Dagster waits before a retry in addition to the configured wait."""


def export(
    target: Target,
    configs: Sequence[RunConfig],
    paths: Sequence[Path],
    output: Path,
    *,
    folder: Path,
    command: Path,
    every: int,
    image: str,
) -> list[Path]:
    """Write the files for another scheduler, and return their paths.

    Parameters
    ----------
    target : {"cron", "systemd", "kubernetes", "dagster"}
    configs, paths : sequences
        The scheduled configurations, and the files to pass to the command. Without paths the command reads configs/.
    output : Path
        Folder to write to.
    folder : Path
        Working directory of the command: paths in configurations are relative to it.
    command : Path
        Path of the executable `tangency`.
    every : int
        Minutes between two calls: at most 10, and a divisor of 60.
    image : str
        Container image with the command, for Kubernetes.

    Raises
    ------
    OperationsError
        If `every` is out of range, or a path holds unprintable characters.
    """
    if not 1 <= every <= 10 or 60 % every:
        raise OperationsError(
            f"every: expected at most 10 minutes that divide 60, such as 5, got {every}; after 15 a slot is overdue"
        )
    words = [str(command), "run-due", *(part for path in paths for part in ("--config", str(path)))]
    for word in (*words, str(folder)):
        if not word.isprintable():
            raise OperationsError(f"{word!r} has characters that cannot stand in a scheduler's file")
    sections = [config.schedule for config in configs if config.schedule is not None]
    values = {
        "words": words,
        "folder": str(folder),
        "every": every,
        "image": image,
        "retries": max((section.retries for section in sections), default=0),
        "delay": max((section.backoff_seconds for section in sections), default=0.0) + MARGIN,
    }
    written = []
    for name in FILES[target]:
        write_whole(output / name, _filled(name, values).encode())
        written.append(output / name)
    return written


def command_path() -> Path:
    """Return the path of the executable `tangency` in this environment.

    Raises
    ------
    OperationsError
        If the environment does not have it.
    """
    path = Path(sys.executable).with_name("tangency")
    if not path.exists():
        raise OperationsError(f"{path} is not there: install Tangency into this environment (make setup)")
    return path


def _filled(name: str, values: dict[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("operations"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (no HTML; each file has its own quoting, below)
    )
    environment.filters |= {
        "shell": shlex.quote,
        "percent": lambda text: text.replace("%", "\\%"),  # a bare % ends a command in a crontab
        "specifiers": lambda text: text.replace("%", "%%"),
        "quoted": _quoted,
        "python": repr,
    }
    return environment.get_template(f"{name}.jinja").render(values)


def _quoted(word: str) -> str:
    """Return a word of a command line, quoted for systemd."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
