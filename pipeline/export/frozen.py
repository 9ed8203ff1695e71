"""Frozen: the models of a finished run as plain numbers, which forecast without this project.

The file is copied unchanged into registered models, so it imports only numpy, pandas and LightGBM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

BESIDE = ("risk", "baseline")
"""Columns besides the features: trailing volatility over the horizon, and the return expected without a model."""


class Frozen:
    """The last fit of each model of a run, the weights of combinations, and the slopes of their calibration.

    Several threads may forecast with the same object at the same time: a forecast changes no shared state.

    Parameters
    ----------
    spec : mapping
        Output of `pipeline.export.freeze.freeze`: JSON with NaN as null.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.spec = spec
        self.assets: list[str] = list(spec["assets"])
        self.columns: list[str] = list(spec["columns"])
        self._stages: dict[str, tuple[Any, ...]] = {}

    def forecast(self, table: pd.DataFrame, model: str | None = None) -> pd.DataFrame:
        """Return the forecast of each asset at one date.

        Parameters
        ----------
        table : DataFrame
            One row per listed asset: column "asset", one column per feature, "risk" (standard deviation of the return
            over the horizon, a fraction; 0 for an asset that is nearly riskless, which models do not forecast) and
            "baseline" (excess return over the horizon that is expected without a model). A relative forecast is
            relative to the other assets that have a row.
        model : str, optional
            By default the traded one.

        Returns
        -------
        DataFrame
            Columns "asset", "raw" (in units of risk) and "mean" (excess return over the horizon, a fraction), one row
            per row of the table; NaN if there is no forecast.

        Raises
        ------
        ValueError
            If columns are missing, or an asset has two rows.
        """
        wanted = ["asset", *self.columns, *BESIDE]
        missing = [name for name in wanted if name not in table.columns]
        if missing:
            raise ValueError(f"the input lacks {len(missing)} columns: {', '.join(missing[:5])}")
        names = table["asset"].astype(str)
        if names.duplicated().any():
            raise ValueError(
                f"asset {names[names.duplicated()].iloc[0]!r} has two rows; a table is of one date"
            )
        # Rounding of sums over assets depends on their order: known assets come first, in the order of the fit.
        order = [*self.assets, *(name for name in names if name not in set(self.assets))]
        listed = pd.Index(order).isin(names)
        numbers = table[[*self.columns, *BESIDE]].set_axis(pd.Index(names)).reindex(order)
        risk, baseline = (numbers[column].to_numpy(dtype=np.float64) for column in BESIDE)
        traded = self.spec["forecast"] if model is None else model
        riskless = risk == 0
        raw = self._raw(traded, numbers[self.columns].to_numpy(dtype=np.float64), listed & ~riskless)
        risk = np.where(riskless, np.nan, risk)
        level = np.zeros(len(order)) if self.spec["relative"] else baseline / risk
        mean = baseline + self.spec["models"][traded]["slope"] * (raw - level) * risk
        mean = np.where(riskless, baseline, mean)
        values = pd.DataFrame({"raw": raw, "mean": mean}, index=pd.Index(order)).reindex(names)
        return values.rename_axis("asset").reset_index()

    def _raw(self, name: str, X: np.ndarray, usable: np.ndarray) -> np.ndarray:
        spec = self.spec["models"][name]
        if spec["kind"] == "Combination":
            values = _combined(np.stack([self._raw(m, X, usable) for m in spec["members"]], axis=1), spec)
        else:
            values = np.full(len(X), np.nan)
            values[usable] = self._fitted(name, spec, X[usable], np.flatnonzero(usable))
        if not self.spec["relative"]:
            return values
        known = np.isfinite(values)
        return values - np.where(known, values, 0.0).sum() / known.sum() if known.any() else values

    def _fitted(self, name: str, spec: Mapping[str, Any], X: np.ndarray, asset: np.ndarray) -> np.ndarray:
        if spec["kind"] == "Zero":
            return np.zeros(len(X))
        if spec["kind"] == "HistoricalMean":
            mean = _numbers(spec["mean"])
            known = asset < len(mean)
            return np.where(known, mean[np.where(known, asset, 0)], 0.0)
        if "features" in spec:  # in the order of the memory of the run: sums over features depend on it
            X = np.ascontiguousarray(X[:, [self.columns.index(column) for column in spec["features"]]])
        if "booster" in spec:
            return self._boosted(name, spec, X)
        return _linear(spec, X)

    def _boosted(self, name: str, spec: Mapping[str, Any], X: np.ndarray) -> np.ndarray:
        """Add trees in the same steps as the walk-forward run, which gives the same bits."""
        if name not in self._stages:
            # Two threads may both get here. They create equal boosters, and either may store its own.
            self._stages[name] = _split_booster(spec["booster"], spec["stages"])
        total = np.zeros(len(X))
        for stage in self._stages[name] if len(X) else ():
            total = total + np.asarray(stage.predict(X, num_threads=1))
        return total


def _split_booster(text: str, stages: Sequence[int]) -> tuple[Any, ...]:
    """Return one booster per stage, with the trees that the stage adds.

    LightGBM stores the range of trees of a prediction inside the booster, where predictions of other threads overwrite
    it. Boosters that always predict with all of their trees have no such state.
    """
    import lightgbm as lgb

    whole = lgb.Booster(model_str=text)
    starts = [0, *stages[:-1]]
    return tuple(
        lgb.Booster(model_str=whole.model_to_string(start_iteration=start, num_iteration=stop - start))
        for start, stop in zip(starts, stages, strict=True)
    )


def _numbers(values: Any) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)  # None, which stands for NaN in JSON, becomes NaN


def _linear(spec: Mapping[str, Any], X: np.ndarray) -> np.ndarray:
    """Standardise, clip, impute and multiply."""
    scale = _numbers(spec["scale"])
    usable = scale > 0
    Z = (X - _numbers(spec["mean"])) * np.where(usable, 1.0 / np.where(usable, scale, 1.0), 0.0)
    limit = np.inf if spec["clip"] is None else spec["clip"]
    Z = np.where(np.isnan(Z), 0.0, np.minimum(np.maximum(Z, -limit), limit))
    if "slopes" not in spec:
        return np.asarray((Z * _numbers(spec["coefficients"])).sum(axis=1) + spec["intercept"])
    each = (Z * _numbers(spec["slopes"]) + _numbers(spec["intercepts"]))[:, np.asarray(spec["varies"])]
    return _pooled(each, spec["combine"])


def _combined(each: np.ndarray, spec: Mapping[str, Any]) -> np.ndarray:
    if "weights" in spec:
        return np.asarray((each * _numbers(spec["weights"])[None]).sum(axis=1))
    return _pooled(each, spec["method"])


def _pooled(each: np.ndarray, method: str) -> np.ndarray:
    """Return one forecast from several, along the last axis."""
    if method == "median":
        return np.asarray(np.median(each, axis=-1))
    if method == "trimmed" and each.shape[-1] > 2:
        whole = np.isfinite(each).all(axis=-1)
        return np.where(whole, np.sort(each, axis=-1)[..., 1:-1].mean(axis=-1), np.nan)
    return np.asarray(each.mean(axis=-1))
