"""The champion that is served: loaded from its run folder, and replaced when a decision changes it."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from operations.champion.candidate import Candidate
from operations.champion.decisions import Decisions
from operations.errors import OperationsError
from operations.serving.answers import RequestError
from operations.serving.requests import SPLIT, parse_table
from pipeline.config import RunConfig
from pipeline.errors import PipelineError
from pipeline.export.frozen import Frozen
from pipeline.files.messages import explain

RETRY_SECONDS = 1.0
"""After which a load that failed is tried again, with the next request."""

Stamp = tuple[int, int, int] | None
"""Time, size and inode of a file; None if there is none."""


@dataclass(frozen=True)
class Champion:
    """A frozen model that answers requests.

    Attributes
    ----------
    run : str
        Folder of the run.
    trained_to : str
        Last date of the data that the model has seen, ISO.
    model : Frozen
    """

    run: str
    trained_to: str
    model: Frozen

    def answer(self, body: bytes) -> list[dict[str, Any]]:
        """Return the forecast of each row of a request; None where nothing can be said.

        Raises
        ------
        RequestError
            If the body is no table for this model, or its values are so large that a forecast overflows.
        """
        return _to_records(self.forecast(parse_table(body, self.model)))

    def forecast(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return asset, raw and mean of each row.

        Raises
        ------
        RequestError
            If a forecast overflows.
        """
        with np.errstate(all="ignore"):  # looked for below
            forecast = self.model.forecast(table)
        infinite = np.isinf(forecast[["raw", "mean"]].to_numpy()).any(axis=1)
        if infinite.any():
            asset = str(forecast["asset"].iloc[int(np.argmax(infinite))])
            raise RequestError(
                f"the forecast of {asset!r} overflows: a value of its row is too large or its risk too small; check "
                "the units of the row"
            )
        return forecast


def _to_records(forecast: pd.DataFrame) -> list[dict[str, Any]]:
    columns = (forecast["asset"], *(forecast[name].to_list() for name in ("raw", "mean")))
    return [
        {"asset": asset, "raw": None if raw != raw else raw, "mean": None if mean != mean else mean}
        for asset, raw, mean in zip(*columns, strict=True)
    ]


def load_champion(config: RunConfig) -> Champion:
    """Load the champion of a configuration, and let it forecast its own last date.

    Raises
    ------
    OperationsError
        If there is no champion, or its run folder is not whole.
    LedgerError
        If the record of decisions or a file of the champion was changed.
    """
    decisions = Decisions(config)
    run, _ = decisions.reigning()
    candidate = Candidate(config.output / run, decisions.files_of(run))
    inputs = candidate.content("inputs.json")
    try:
        champion = Champion(run, f"{candidate.trained_to:%Y-%m-%d}", candidate.frozen)
        champion.answer(f'{{"{SPLIT}": '.encode() + inputs + b"}")
    except (RequestError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise OperationsError(
            f"{candidate.folder}: the model cannot be used: {type(error).__name__}: {str(error)[:200]}. Promote "
            "another run (tangency promote), or retrain"
        ) from error
    return champion


class ServedChampion:
    """The champion of a configuration, which changes when another decision is recorded.

    If the new champion cannot be loaded, the one before goes on answering, and one message on stderr says why. The load
    is tried again, so that a file that is restored takes effect.

    Parameters
    ----------
    config : RunConfig

    Raises
    ------
    OperationsError, LedgerError
        As `load_champion`.
    """

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._path = Decisions(config).chain.path
        self._failure: _Failure | None = None
        # Before loading: a decision that is recorded meanwhile is then noticed with the next request.
        self._stamp = self._read_stamp()
        self._champion = load_champion(config)

    def get(self) -> Champion:
        """Return the present champion, loading it if a decision was recorded since the last successful load.

        A request that starts after the decision waits for the load. One that only tries a failed load again never lets
        others wait.
        """
        stamp = self._read_stamp()
        if stamp != self._stamp and self._lock.acquire(blocking=not self._has_failed(stamp)):
            try:
                # Another request may have loaded it, or another decision been recorded, since the stamp was read.
                stamp = self._read_stamp()
                if stamp != self._stamp and self._is_due(stamp):
                    self._reload(stamp)
            finally:
                self._lock.release()
        return self._champion

    def _has_failed(self, stamp: Stamp) -> bool:
        failure = self._failure
        return failure is not None and failure.stamp == stamp

    def _is_due(self, stamp: Stamp) -> bool:
        """Return whether a load has not failed yet, or long enough ago."""
        failure = self._failure
        return failure is None or failure.stamp != stamp or time.monotonic() >= failure.time + RETRY_SECONDS

    def _reload(self, stamp: Stamp) -> None:
        try:
            champion = load_champion(self._config)
        except (PipelineError, OSError) as error:
            cause = explain(error) if isinstance(error, OSError) else str(error)
            if self._failure is None or self._failure.cause != cause:
                print(f"still serving {self._champion.run}: {cause}", file=sys.stderr, flush=True)
            self._failure = _Failure(stamp, cause, time.monotonic())
            return
        if champion.run != self._champion.run:
            print(f"now serving {champion.run}", file=sys.stderr, flush=True)
            self._champion = champion
        # Last: who sees the new stamp does not take the lock, and must find the new champion.
        self._failure, self._stamp = None, stamp

    def _read_stamp(self) -> Stamp:
        """Return what changes whenever the file of decisions does."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


@dataclass(frozen=True)
class _Failure:
    """A load that failed: the decisions that it was made for, why, and when it ended on the monotonic clock."""

    stamp: Stamp
    cause: str
    time: float
