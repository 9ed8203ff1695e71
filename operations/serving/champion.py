"""The served champion: loaded from its run folder, and reloaded after a new decision."""

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
from operations.serving.request_body import SPLIT
from operations.serving.requests import parse_table
from pipeline.config import RunConfig
from pipeline.errors import PipelineError
from pipeline.export.frozen import Frozen
from pipeline.files import file_stamp
from pipeline.files.messages import explain

RETRY_SECONDS = 1.0
"""Seconds after which the next request retries a failed load."""

Stamp = tuple[int, ...]
"""What `file_stamp` returns; empty if the file does not exist."""


@dataclass(frozen=True)
class Champion:
    """A frozen model that answers requests.

    Attributes
    ----------
    run : str
        Folder of the run.
    trained_to : str
        Last date of the training data, ISO.
    model : Frozen
    """

    run: str
    trained_to: str
    model: Frozen

    def answer(self, body: bytes) -> list[dict[str, Any]]:
        """Return the forecast of each row of a request, with None for missing values.

        Raises
        ------
        RequestError
            If the body is not a valid table for this model, or a forecast overflows.
        """
        return _to_records(self.forecast(parse_table(body, self.model)))

    def forecast(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return asset, raw and mean of each row.

        Raises
        ------
        RequestError
            If a forecast overflows.
        """
        with np.errstate(all="ignore"):  # overflow is checked below
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
    """Load the champion of a configuration, and test it with a forecast for its own last date.

    Raises
    ------
    OperationsError
        If there is no champion, or its run folder is incomplete.
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
    """The champion of a configuration, reloaded when a new decision is recorded.

    If the new champion cannot be loaded, the previous one stays in use, and one message on stderr gives the reason. The
    load is retried, so that a restored file takes effect.

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
        # Read the stamp before loading, so that the next request notices a decision recorded in the meantime.
        self._stamp = file_stamp(self._path)
        self._champion = load_champion(config)

    def get(self) -> Champion:
        """Return the champion, after loading it if a decision was recorded since the last successful load.

        A request that starts after the decision waits for the load. Retries of a failed load do not block other
        requests.
        """
        stamp = file_stamp(self._path)
        if stamp != self._stamp and self._lock.acquire(blocking=not self._has_failed(stamp)):
            try:
                # Since the stamp was read, another request may have loaded it, or a new decision been recorded.
                stamp = file_stamp(self._path)
                if stamp != self._stamp and self._is_due(stamp):
                    self._reload(stamp)
            finally:
                self._lock.release()
        return self._champion

    def _has_failed(self, stamp: Stamp) -> bool:
        failure = self._failure
        return failure is not None and failure.stamp == stamp

    def _is_due(self, stamp: Stamp) -> bool:
        """Return whether to load now: no load has failed for this stamp, or the last failure is old enough."""
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
        # Set last: a request that sees the new stamp skips the lock, and must get the new champion.
        self._failure, self._stamp = None, stamp


@dataclass(frozen=True)
class _Failure:
    """A failed load: the stamp of the decisions, the reason, and the end of the load on the monotonic clock."""

    stamp: Stamp
    cause: str
    time: float
