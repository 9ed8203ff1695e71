"""Candidate: a finished run whose frozen models can forecast on any data."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from foundation.types import Floats
from models.calibration import baseline_error, drop_riskless_labels
from models.forecast import Forecast
from models.regimes.path import RegimePath
from operations.champion.run_contents import parse_object, parse_parquet
from operations.champion.run_files import FILES, WHOLE, read_run_file
from operations.errors import OperationsError
from pipeline.config import RunConfig
from pipeline.export.freeze import inputs
from pipeline.export.frozen import Frozen
from pipeline.stages.results import Prepared


class Candidate:
    """The folder of a run, with its frozen models and its walk-forward forecasts.

    Parameters
    ----------
    folder : Path
    files : mapping of str to str
        SHA-256 of files of the folder by name, as recorded by the decision about the run. Each file is checked when it
        is read. Decisions of earlier versions of Tangency have no SHA-256.

    Raises
    ------
    OperationsError
        On reading, if a file of the folder is missing or damaged.
    LedgerError
        On reading, if a file differs from its recorded SHA-256.
    """

    def __init__(self, folder: Path, files: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.files = dict(files or {})

    @property
    def run(self) -> str:
        """Name of the run."""
        return self.folder.name

    @cached_property
    def summary(self) -> dict[str, Any]:
        """summary.json."""
        return self._json("summary.json", "record", "certificate", "verdict", "traded", "portfolio")

    @cached_property
    def config(self) -> RunConfig:
        """The configuration of the run."""
        try:
            return RunConfig.model_validate(self._json("config.json"))
        except ValidationError as error:
            raise OperationsError(
                f"{self.folder / 'config.json'} is not understood by this version: {error.errors()[0]['msg']}. Promote "
                "a run of this version in its place (tangency promote)"
            ) from error

    @cached_property
    def frozen(self) -> Frozen:
        """The models as of their last fit."""
        return Frozen(
            self._json("model.json", "forecast", "relative", "trained_to", "assets", "columns", "models")
        )

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """inputs.json: columns and rows."""
        return self._json("inputs.json", "columns", "data")

    @property
    def trained_to(self) -> pd.Timestamp:
        """Last date of the data on which the models and their calibration were fitted."""
        stated = self.frozen.spec["trained_to"]
        try:
            return pd.Timestamp(dt.date.fromisoformat(stated))
        except (ValueError, TypeError) as error:
            raise OperationsError(
                f"{self.folder / 'model.json'}: trained_to is {stated!r}, expected a date. {WHOLE}"
            ) from error

    def digests(self) -> dict[str, str]:
        """Return the SHA-256, by name, of each file from which a champion is loaded."""
        return {name: hashlib.sha256(self.content(name)).hexdigest() for name in FILES}

    def content(self, name: str) -> bytes:
        """Check a file of the folder against its recorded SHA-256, and return its content."""
        return read_run_file(self.folder, name, self.files)

    def _json(self, name: str, *keys: str) -> dict[str, Any]:
        """Return the JSON object in a file, which must have these keys."""
        return parse_object(self.folder / name, self.content(name), keys)

    def check_assets(self, assets: Collection[str]) -> None:
        """Refuse data without any asset of the training.

        Raises
        ------
        OperationsError
        """
        column = self.inputs["columns"].index("asset")
        known = [str(row[column]) for row in self.inputs["data"]]
        if not set(known) & set(assets):
            more = ", ..." if len(known) > 5 else ""
            raise OperationsError(
                f"{self.run} was trained on {', '.join(known[:5])}{more}; none of them is in the data. Does another "
                "configuration have the same name?"
            )

    def check_date(self, date: pd.Timestamp) -> None:
        """Refuse a date before the end of the training data.

        Raises
        ------
        OperationsError
            If the date is before the end of the training data, because a forecast would look ahead.
        """
        if date < self.trained_to:
            raise OperationsError(
                f"{self.run} was trained on data to {self.trained_to:%Y-%m-%d}; its forecast at {date:%Y-%m-%d} would "
                f"use later data. The out-of-sample forecasts of that time are in {self.folder / 'forecasts.parquet'}"
            )

    def forecast_at(
        self, prepared: Prepared, regimes: RegimePath, row: int, model: str | None = None
    ) -> pd.DataFrame:
        """Return the forecast of a frozen model at a date, one row per listed asset of the universe.

        Parameters
        ----------
        prepared : Prepared
            Prepared with this run's configuration, on data up to any date.
        regimes : RegimePath
        row : int
            Row of the panel, not before the end of the training data (see `check_date`).
        model : str, optional
            By default the model that the allocator uses.

        Returns
        -------
        DataFrame
            Columns asset, raw, mean, stderr, slope and risk.
        """
        self.check_date(prepared.panel.dates[row])
        table = inputs(prepared, regimes, row)
        forecast = self.frozen.forecast(table, model)
        spec = self.frozen.spec
        fitted = spec["models"][model or spec["forecast"]]
        target = prepared.schedule.target
        inside = prepared.panel.listed[row] & prepared.panel.holdable[row]
        risk = pd.Series(target.risk[row, inside], index=table.index)
        level = 0.0 if spec["relative"] else table["baseline"] / risk
        own = (forecast["raw"] - level).abs() * risk * fitted["slope_error"]
        common = float(baseline_error(drop_riskless_labels(prepared.schedule.labels, target.riskless))[row])
        stderr = np.hypot(own, common).where(table["risk"] != 0, risk.fillna(0.0))
        out: pd.DataFrame = forecast.assign(stderr=stderr, slope=fitted["slope"], risk=risk)
        return out

    def forecasts(self, prepared: Prepared, regimes: RegimePath, model: str | None = None) -> Forecast:
        """Return a model's forecasts: walk-forward during the run, and from the frozen model afterwards.

        Forecasts of the run are kept as recorded, even if the data was revised later.
        """
        panel = prepared.panel
        name = model or self.frozen.spec["forecast"]
        first = int(panel.dates.searchsorted(self.trained_to, side="right"))
        later = [
            self.forecast_at(prepared, regimes, row, name).assign(date=panel.dates[row])
            for row in range(first, len(panel.dates))
        ]
        table = pd.concat([self._stored(name), *later], ignore_index=True)
        row = panel.dates.get_indexer(pd.DatetimeIndex(table["date"]))
        column = pd.Index(panel.assets).get_indexer(pd.Index(table["asset"].astype(str)))
        known = (row >= 0) & (column >= 0)
        positions, place = np.unique(row[known], return_inverse=True)

        def spread(values: str) -> Floats:
            out = np.full((len(positions), len(panel.assets)), np.nan)
            out[place, column[known]] = table.loc[known, values].to_numpy(dtype=np.float64)
            return out

        slope = table.loc[known, "slope"].to_numpy(dtype=np.float64)[np.unique(place, return_index=True)[1]]
        return Forecast(
            name,
            positions.astype(np.int64),
            prepared.schedule.labels.horizon,
            spread("mean"),
            spread("stderr"),
            spread("raw"),
            slope,
            np.full(len(positions), np.nan),
        )

    def _stored(self, model: str) -> pd.DataFrame:
        table = self._tables
        return table[(table["model"] == model) & (table["date"] <= self.trained_to)]

    @cached_property
    def _tables(self) -> pd.DataFrame:
        return parse_parquet(self.folder / "forecasts.parquet", self.content("forecasts.parquet"))
