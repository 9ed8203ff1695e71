"""Journal of the losses of trials on each block, from which an interrupted search continues."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

from models.parameters import Parameters
from models.tuning.search import make_distributions
from models.tuning.search_space import Space, contains_point


def open_journal(path: Path) -> Any:
    """Return Optuna's storage in a journal file, made with its folder where there is none.

    A line that was not written to its end, by a process killed in the middle of it, is cut off. A journal that Optuna
    cannot read is removed: the search begins anew. Journals are lines of JSON, which Optuna reads as such.
    """
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
        return JournalStorage(JournalFileBackend(str(path)))
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError):
        path.unlink()
        return JournalStorage(JournalFileBackend(str(path)))


class Memory:
    """Losses of trials by block, in memory and, if there is a storage, in an Optuna study of it.

    A search depends on its seed and on losses alone. Repeated with remembered losses, it proposes and prunes the same
    trials, and continues after the last one in the journal.

    Parameters
    ----------
    space : mapping of str to Range or Choices
    storage : optuna.storages.BaseStorage, optional
    study : str
        Identifies everything that determines a loss besides the parameters: data, blocks, other settings.
    """

    def __init__(self, space: Space, storage: Any = None, study: str = "") -> None:
        self._space = space
        self._losses: dict[tuple[str, int], tuple[float, float]] = {}
        self._kept: set[tuple[str, int]] = set()
        self._study = None
        if storage is not None:
            import optuna

            self._study = optuna.create_study(storage=storage, study_name=study, load_if_exists=True)
            for trial in self._study.get_trials(deepcopy=False):
                self._take(trial.user_attrs)

    def _take(self, kept: dict[str, Any]) -> None:
        """Read a trial of the storage; one in another form than that of `keep` is ignored."""
        parameters, losses, seconds = (kept.get(name) for name in ("parameters", "losses", "seconds"))
        if not (isinstance(parameters, dict) and _are_numbers(losses) and _are_numbers(seconds)):
            return
        if len(losses) != len(seconds):
            return
        for block, (loss, took) in enumerate(zip(losses, seconds, strict=True)):
            self.add(parameters, block, loss, took)
        self._kept.add((_key(parameters), len(losses)))

    def __contains__(self, what: tuple[Parameters, int]) -> bool:
        """Return whether the loss of (parameters, block) is known."""
        parameters, block = what
        return (_key(parameters), block) in self._losses

    def __getitem__(self, what: tuple[Parameters, int]) -> tuple[float, float]:
        """Return loss and seconds of (parameters, block)."""
        parameters, block = what
        return self._losses[_key(parameters), block]

    def add(self, parameters: Parameters, block: int, loss: float, seconds: float) -> None:
        """Remember the loss of one block in memory."""
        self._losses[_key(parameters), block] = loss, seconds

    def keep(self, parameters: Parameters, running: Sequence[float], *, pruned: bool) -> None:
        """Write a trial that has ended to the storage, with its mean loss after each block."""
        key = (_key(parameters), len(running))
        if self._study is None or key in self._kept:
            return
        import optuna

        known = [self[parameters, block] for block in range(len(running))]
        held = contains_point(self._space, parameters)
        self._kept.add(key)
        self._study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE,
                # Defaults may lie outside of the space: Optuna then has no place for them but an attribute.
                params=dict(parameters) if held else {},
                distributions=make_distributions(self._space) if held else {},
                value=None if pruned else running[-1],
                intermediate_values=dict(enumerate(running)),
                user_attrs={
                    "parameters": dict(parameters),
                    "losses": [loss for loss, _ in known],
                    "seconds": [seconds for _, seconds in known],
                },
            )
        )


def _are_numbers(values: Any) -> TypeGuard[list[float]]:
    return isinstance(values, list) and all(type(value) in (int, float) for value in values)


def _key(parameters: Parameters) -> str:
    return json.dumps(dict(parameters), sort_keys=True)


def hash_parts(*parts: bytes) -> str:
    """Return a SHA-256 of the parts and their lengths, as hexadecimal digits."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "big"))
        sha.update(part)
    return sha.hexdigest()
