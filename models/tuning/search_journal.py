"""Losses of trials on each block, and the journal from which an interrupted search continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models.parameters import Parameters

_BlockScore = tuple[float, float]
"""Loss of a trial on a block, and the seconds that it took."""


class Memory:
    """Losses of trials by block, in memory and, if there is a journal, in a study of Optuna's journal file.

    A search depends on its seed and on losses alone. Repeated with remembered losses, it proposes and prunes the same
    trials, and continues after the last one in the journal. Optuna's own resumed study would not: no storage of
    Optuna keeps the random state of its sampler.

    Parameters
    ----------
    journal : Path, optional
        Made with its folder if there is none.
    study : str
        Identifies everything that determines a loss besides the parameters: data, blocks, other settings.
    """

    def __init__(self, journal: Path | None = None, study: str = "") -> None:
        self._study = None if journal is None else _open_study(journal, study)
        self._scores: dict[str, list[_BlockScore]] = {}
        for key, scores in ({} if self._study is None else self._study.user_attrs).items():
            if _are_scores(scores):
                self._scores[key] = [(loss, seconds) for loss, seconds in scores]
        self._stored = {key: len(scores) for key, scores in self._scores.items()}

    def __getitem__(self, parameters: Parameters) -> list[_BlockScore]:
        """Return the scores of the first blocks, as many as are known."""
        return self._scores.setdefault(_key(parameters), [])

    def add(self, parameters: Parameters, block: int, score: _BlockScore) -> None:
        """Remember the score of the next block; one that is known stays."""
        if block == len(self[parameters]):
            self[parameters].append(score)

    def keep(self, parameters: Parameters) -> None:
        """Write the scores of a trial that has ended to the journal."""
        key, scores = _key(parameters), self[parameters]
        if self._study is not None and len(scores) > self._stored.get(key, 0):
            self._study.set_user_attr(key, scores)
            self._stored[key] = len(scores)


def _open_study(path: Path, name: str) -> Any:
    """Return the study of that name in a journal file.

    A line that was not written to its end, by a process killed in the middle of it, is cut off. A journal that Optuna
    cannot read is removed: the search begins anew. Journals are lines of JSON, which Optuna reads as such.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    # Absolute: the lock is a symbolic link, and Optuna waits for ever beside a stale one that leads nowhere.
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("r+b") as file:
                file.truncate(whole)
    try:
        storage = JournalStorage(JournalFileBackend(str(path)))
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError):
        path.unlink()
        storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.create_study(storage=storage, study_name=name, load_if_exists=True)


def _are_scores(value: Any) -> bool:
    """Return whether a value of the journal is a list of pairs of numbers."""
    return isinstance(value, list) and all(
        isinstance(score, list) and [type(part) in (int, float) for part in score] == [True, True]
        for score in value
    )


def _key(parameters: Parameters) -> str:
    return json.dumps(dict(parameters), sort_keys=True)
