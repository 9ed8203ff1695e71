"""What other schedulers need to call `tangency run-due`, from the templates in operations/templates/.

cron, systemd and Kubernetes are told to come by every few minutes, not when the configurations say: systemd cannot
say "the thirteenth or a Friday", cron and Kubernetes know no last day of the month, a retry or a training that was
asked for would have to wait for the next slot, and a schedule that is written down twice is wrong once. A visit at
which nothing is due takes a second.
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
"""Seconds that Dagster waits longer than the schedule before a retry."""


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
    """Write the files for another scheduler, and return where they are.

    Parameters
    ----------
    target : {"cron", "systemd", "kubernetes", "dagster"}
    configs, paths : sequences
        The scheduled configurations, and the files that are named to the command; without paths it finds its own.
    output : Path
        Folder to write to.
    folder : Path
        Where the command is to run: paths in configurations are relative to it.
    command : Path
        The command `tangency` itself.
    every : int
        Minutes between two visits, at most 10; divides 60.
    image : str
        Container image with the command, for Kubernetes.

    Raises
    ------
    OperationsError
        If `every` is no such number, or a path cannot be written in one line.
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
    """Return the command `tangency` of this environment.

    Raises
    ------
    OperationsError
        If the environment has none.
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
    """Return a word of a command line as systemd reads it."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
