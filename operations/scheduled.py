"""Which configurations are scheduled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config import RunConfig


def scheduled(paths: Sequence[Path]) -> list[RunConfig]:
    """Return the configurations that were named, or else all in configs/ that have a schedule.

    Raises
    ------
    ConfigError
        If one has a mistake.
    OperationsError
        If one that was named has no schedule, or there is none at all.
    """
    from operations.errors import OperationsError
    from operations.running import HOW
    from pipeline.config import load_config

    # A file that says nothing of a schedule is not read: a mistake in it is no reason not to train the others.
    chosen = paths or [path for path in sorted(Path("configs").glob("*.yaml")) if _has_schedule(path)]
    configs = []
    for path in chosen:
        config = load_config(path)
        if config.schedule is None:
            raise OperationsError(f"{path} has no schedule; {HOW}")
        configs.append(config)
    if not configs:
        raise OperationsError(f"no configuration in configs/ has a schedule; {HOW}")
    return configs


def _has_schedule(path: Path) -> bool:
    from pipeline.config_files.paths import input_mistake

    if input_mistake(path):
        return False  # a named pipe would be waited for
    text = path.read_text(encoding="utf-8", errors="replace")
    return any(line.startswith("schedule:") for line in text.splitlines())
