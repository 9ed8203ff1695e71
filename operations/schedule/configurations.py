"""Which configurations are scheduled."""

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
    """What was found in the files of a schedule.

    Attributes
    ----------
    configs : tuple of RunConfig
        Those that can be trained.
    mistakes : tuple of str
        One message for each file that cannot: the others are trained all the same.
    """

    configs: tuple[RunConfig, ...]
    mistakes: tuple[str, ...]


def find_scheduled(paths: Sequence[Path], *, required: bool = True) -> ScheduledConfigs:
    """Read the configurations that were named, or else all in configs/ that have a schedule; keep mistakes apart.

    Parameters
    ----------
    paths : sequence of Path
    required : bool
        Whether a configuration without a schedule is a mistake. If not, and nothing in configs/ has a schedule, all
        configurations there are read.

    Raises
    ------
    OperationsError
        If there is no file to read.
    """
    from operations.errors import OperationsError
    from operations.schedule.run_due import HOW, record_path
    from pipeline.config import load_config
    from pipeline.errors import USER_ERRORS
    from pipeline.files import explain

    configs: list[RunConfig] = []
    mistakes: list[str] = []
    chosen = _chosen(paths)
    for path in chosen if chosen or required else _find_files():
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
    # Of two that cannot be told apart neither is trained: which one is meant is not known.
    counts = Counter((record_path(config), config.name) for config in configs if config.schedule is not None)
    for (place, name), count in counts.items():
        if count > 1:
            mistakes.append(
                f"{count} scheduled configurations have the name {name!r} and the output {place.parent.parent}; "
                "give each a name of its own"
            )
    alone = tuple(config for config in configs if counts[record_path(config), config.name] <= 1)
    return ScheduledConfigs(alone, tuple(mistakes))


class ScheduleReader:
    """Reads the configurations of a schedule again and again, and reports each mistake once.

    Parameters
    ----------
    paths : sequence of Path
        Files that were named; none for those in configs/.
    log : callable
    """

    def __init__(self, paths: Sequence[Path], log: Callable[[str], None]) -> None:
        self.paths = paths
        self.log = log
        self._reported: tuple[str, ...] = ()

    def __call__(self) -> list[RunConfig]:
        """Return the configurations that can be trained now.

        Raises
        ------
        OperationsError
            If there is none.
        """
        from operations.errors import OperationsError

        found = find_scheduled(self.paths)
        if not found.configs:
            raise OperationsError("\n".join(found.mistakes))
        for mistake in found.mistakes:
            if mistake not in self._reported:
                self.log(f"not scheduled until it is mended: {mistake}")
        self._reported = found.mistakes
        return list(found.configs)


def scheduled(paths: Sequence[Path]) -> list[RunConfig]:
    """Return the configurations that were named, or else all in configs/ that have a schedule.

    Raises
    ------
    OperationsError
        If one of them has a mistake or no schedule, or there is none at all.
    """
    from operations.errors import OperationsError

    found = find_scheduled(paths)
    if found.mistakes:
        raise OperationsError("\n".join(found.mistakes))
    return list(found.configs)


def _chosen(paths: Sequence[Path]) -> list[Path]:
    # A file that says nothing of a schedule is not read: a mistake in it is no reason not to train the others.
    return list(paths) or [path for path in _find_files() if _has_schedule(path)]


def _find_files() -> list[Path]:
    return sorted(Path("configs").glob("*.yaml"))


def _has_schedule(path: Path) -> bool:
    from pipeline.config_files.paths import input_mistake

    if input_mistake(path):  # opening a named pipe would wait; reading the configuration reports the mistake
        return True
    text = path.read_text(encoding="utf-8", errors="replace")
    return any(line.startswith("schedule:") for line in text.splitlines())
