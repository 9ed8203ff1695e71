"""Records of slots: one file for all scheduled configurations with the same output folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from operations.errors import OperationsError
from pipeline.config import RunConfig
from pipeline.settings.schedule import ScheduleSection


def record_path(config: RunConfig) -> Path:
    """Return the file that records the slots of all configurations with the same output folder."""
    return config.output / "operations" / "schedule.db"


def records(configs: Sequence[RunConfig]) -> dict[Path, dict[str, RunConfig]]:
    """Return the scheduled configurations by the file that records their slots, and by name.

    Raises
    ------
    OperationsError
        If two configurations of one file have the same name.
    """
    by_path: dict[Path, dict[str, RunConfig]] = {}
    for config in configs:
        if config.schedule is None:
            continue
        group = by_path.setdefault(record_path(config), {})
        if config.name in group:
            raise OperationsError(
                f"two scheduled configurations have the name {config.name!r} and the output {config.output}; "
                "give one of them another name"
            )
        group[config.name] = config
    return by_path


def schedules(group: dict[str, RunConfig]) -> dict[str, ScheduleSection]:
    """Return the schedules of configurations by name."""
    return {name: config.schedule for name, config in group.items() if config.schedule is not None}
