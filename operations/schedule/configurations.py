"""Find and read the scheduled configurations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config import RunConfig


@dataclass(frozen=True)
class ScheduledConfigs:
    """The configurations of a schedule.

    Attributes
    ----------
    configs : tuple of RunConfig
        The valid ones.
    mistakes : tuple of str
        One message per invalid file. An invalid file does not prevent the others from being trained.
    """

    configs: tuple[RunConfig, ...]
    mistakes: tuple[str, ...]


def find_scheduled(paths: Sequence[Path], *, required: bool = True) -> ScheduledConfigs:
    """Read the given configurations, or by default all in configs/ that have a schedule, and collect mistakes.

    Parameters
    ----------
    paths : sequence of Path
    required : bool
        Whether a configuration without a schedule is a mistake. If False, and no file in configs/ has a schedule, all
        configurations there are read.

    Raises
    ------
    OperationsError
        If there is no file to read.
    """
    from operations.errors import OperationsError
    from operations.schedule.run_due import HOW
    from operations.slots.records import record_path
    from pipeline.config import load_config
    from pipeline.errors import USER_ERRORS
    from pipeline.files import explain

    configs: list[RunConfig] = []
    mistakes: list[str] = []
    selected = _chosen(paths)
    for path in selected if selected or required else _find_files():
        try:
            config = load_config(path)
        except USER_ERRORS as error:
            mistakes.append(str(error))
        except OSError as error:
            mistakes.append(explain(error))
        else:
            if config.schedule is None and required:
                mistakes.append(f"{path} has no schedule; {HOW}")
            else:
                configs.append(config)
    if not configs and not mistakes:
        if not required:
            raise OperationsError("there is no configuration in configs/; name one with --config")
        raise OperationsError(f"no configuration in configs/ has a schedule; {HOW}")
    # Two configurations with the same record and name are ambiguous: neither is trained.
    counts = Counter((record_path(config), config.name) for config in configs if config.schedule is not None)
    for (place, name), count in counts.items():
        if count > 1:
            mistakes.append(
                f"{count} scheduled configurations have the name {name!r} and the output {place.parent.parent}; "
                "give each a name of its own"
            )
    unambiguous = tuple(config for config in configs if counts[record_path(config), config.name] <= 1)
    return ScheduledConfigs(unambiguous, tuple(mistakes))


class ScheduleReader:
    """Reads the configurations of a schedule at each call, and reports each mistake once.

    Parameters
    ----------
    paths : sequence of Path
        Files to read; if empty, those in configs/ that have a schedule.
    log : callable
        Receives each message.
    """

    def __init__(self, paths: Sequence[Path], log: Callable[[str], None]) -> None:
        self.paths = paths
        self.log = log
        self._reported: tuple[str, ...] = ()

    def __call__(self) -> list[RunConfig]:
        """Return the valid configurations.

        Raises
        ------
        OperationsError
            If there are none.
        """
        from operations.errors import OperationsError

        scheduled_configs = find_scheduled(self.paths)
        if not scheduled_configs.configs:
            raise OperationsError("\n".join(scheduled_configs.mistakes))
        for mistake in scheduled_configs.mistakes:
            if mistake not in self._reported:
                self.log(f"not scheduled until it is mended: {mistake}")
        self._reported = scheduled_configs.mistakes
        return list(scheduled_configs.configs)


def scheduled(paths: Sequence[Path]) -> list[RunConfig]:
    """Return the given configurations, or by default all in configs/ that have a schedule.

    Raises
    ------
    OperationsError
        If a configuration has a mistake or no schedule, or if there are none.
    """
    from operations.errors import OperationsError

    scheduled_configs = find_scheduled(paths)
    if scheduled_configs.mistakes:
        raise OperationsError("\n".join(scheduled_configs.mistakes))
    return list(scheduled_configs.configs)


def _chosen(paths: Sequence[Path]) -> list[Path]:
    # A file without a schedule is not read: a mistake in it must not prevent the others from being trained.
    return list(paths) or [path for path in _find_files() if _has_schedule(path)]


def _find_files() -> list[Path]:
    return sorted(Path("configs").glob("*.yaml"))


def _has_schedule(path: Path) -> bool:
    from pipeline.config_files.paths import input_mistake

    if input_mistake(path):  # opening a named pipe would block; load_config reports the mistake
        return True
    text = path.read_text(encoding="utf-8", errors="replace")
    return any(line.startswith("schedule:") for line in text.splitlines())
