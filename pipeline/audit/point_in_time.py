"""Point-in-time values: what each stage produced, by the row at whose close it was known. The audit compares them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocation.covariance.path import CovariancePath
from allocation.policies.portfolio_state import SleevePaths
from backtest.active.record import ActiveRecord
from backtest.result import BacktestResult
from features.matrix import FeatureMatrix
from foundation.types import Bools, Ints
from market.panel import BARS, Panel
from models.dataset import Dataset
from models.forecast import Forecast
from models.regimes.ahead.forecast import RegimeForecast
from models.regimes.path import RegimePath
from models.walk_forward.results import WalkResult
from pipeline.config import RunConfig
from pipeline.stages.schedule import Schedule
from pipeline.stages.trading import CalibrationRisk
from validation.folds.walk_forward import Fold

Names = tuple[str, ...]
_Done = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class PointInTimeValue:
    """Values of one stage with the rows at which they were known.

    Attributes
    ----------
    stage : str
        Stage to fix if the values differ.
    name : str
    rows : ndarray of int, shape (P,), increasing
        Row of the panel at whose close each value was known.
    values : ndarray of shape (P, ...)
    axes : tuple of tuple of str
        Labels of the further dimensions.
    """

    stage: str
    name: str
    rows: Ints
    values: NDArray[Any]
    axes: tuple[Names, ...]

    def digest(self) -> str:
        """Return the SHA-256 of rows and values, as hexadecimal digits."""
        sha = hashlib.sha256(repr((self.name, self.axes, self.values.shape)).encode())
        sha.update(np.ascontiguousarray(self.rows).tobytes())
        sha.update(np.ascontiguousarray(self.values).tobytes())
        return sha.hexdigest()


def values_of(name: str, done: _Done, config: RunConfig) -> Iterator[PointInTimeValue]:
    """Yield the values of one stage of a run.

    Parameters
    ----------
    name : str
    done : mapping of str to result
        Results of this stage and those before it, by name.
    config : RunConfig

    Raises
    ------
    TypeError
        If it is not known here at which rows values of such a type are known.
    """
    panel: Panel = done["data"]
    value = done[name]
    for key, member in value.items() if isinstance(value, Mapping) else [(name, value)]:
        if type(member) in _VALUES:
            yield from _VALUES[type(member)](member, done, config)
        elif isinstance(member, np.ndarray) and member.shape[:1] == panel.dates.shape:
            axes = tuple(tuple(map(str, range(size))) for size in member.shape[1:])
            yield PointInTimeValue(name, key, np.arange(len(member)), member, axes)
        else:
            raise TypeError(
                f"stage {name!r} returns a {type(member).__name__}, and the audit cannot tell when it was known: enter "
                "the type in pipeline/audit/point_in_time.py, or return an array with one row per date"
            )


def refits(config: RunConfig) -> dict[str, int | None]:
    """Return each fitted model's own refit schedule."""
    return {name: section.refit_every for name, section in config.fitted_models().items()}


def of_data(panel: Panel) -> Iterator[PointInTimeValue]:
    """Yield the dated values of a panel, and its macro series as read."""
    rows = np.arange(len(panel.dates))
    for name in ("returns", "volume", "traded", *BARS):
        values = getattr(panel, name)
        if values is not None:
            yield PointInTimeValue("data", name, rows, values, (panel.assets,))
    if panel.member is not None:
        yield PointInTimeValue("data", "member", rows, panel.member, (panel.assets,))
    for name in ("cash", "market"):
        yield PointInTimeValue("data", name, rows, getattr(panel, name), ())
    for name, series in panel.macro.items():
        yield PointInTimeValue("data", name, rows, series.at(panel.dates), ())
    if panel.scores is not None:
        yield PointInTimeValue("data", "score", rows, panel.scores.at(panel.dates), (panel.assets,))
    for name, table in panel.tables.items():
        yield PointInTimeValue("data", name, rows, table.at(panel.dates), (panel.assets,))


def of_features(matrix: FeatureMatrix, assets: Names) -> Iterator[PointInTimeValue]:
    """Yield all features as one block."""
    yield PointInTimeValue(
        "features", "features", np.arange(len(matrix.values)), matrix.values, (assets, matrix.names)
    )


def _of_schedule(
    schedule: Schedule, assets: Names, refits: Mapping[str, int | None]
) -> Iterator[PointInTimeValue]:
    """Yield labels and targets at the rows where they end, the folds of every model, and the decisions."""
    ended = schedule.labels.end < len(schedule.labels.end)
    ends = schedule.labels.end[ended]
    yield PointInTimeValue("labels", "label", ends, schedule.labels.value[ended], (assets,))
    yield PointInTimeValue("labels", "target", ends, schedule.target.value[ended], (assets,))
    yield PointInTimeValue("labels", "risk", np.arange(len(ended)), schedule.target.risk, (assets,))
    for name, refit_every in refits.items():
        yield _folds(f"folds of {name}", schedule.folds_for(refit_every))
    yield _folds("folds of the regimes", schedule.regime_folds)
    ones = np.ones(len(schedule.decisions), dtype=np.int64)
    yield PointInTimeValue("schedule", "decisions", schedule.decisions, ones, ())


def _folds(name: str, folds: Iterable[Fold]) -> PointInTimeValue:
    rows = [[f.test[0], len(f.train), f.train[0], f.train[-1], f.train_ends[-1]] for f in folds]
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    columns = ("training dates", "first training row", "last training row", "end of its label")
    return PointInTimeValue("schedule", name, table[:, 0], table[:, 1:], (columns,))


def _of_covariances(
    path: CovariancePath, at: Bools, assets: Names, stage: str = "covariances"
) -> Iterator[PointInTimeValue]:
    """Yield covariance and eligible assets at some of the rows of a path, by a mask.

    For a factor model these are the columns of loadings and the specific variances.
    """
    rows = path.positions[at]
    yield PointInTimeValue(stage, "eligible", rows, path.eligible[at], (assets,))
    closed = np.zeros_like(path.eligible) if path.closed is None else path.closed
    yield PointInTimeValue(stage, "closed", rows, closed[at], (assets,))
    if not isinstance(path.sigma, tuple):
        yield PointInTimeValue(stage, "covariance", rows, path.sigma[at], (assets, assets))
        return
    factors = [path.sigma[d] for d in np.flatnonzero(at)]
    # Each decision has one row per factor.
    of_each = np.repeat(rows, [one.loadings.shape[1] for one in factors])
    loadings = np.concatenate([one.loadings.T for one in factors] or [np.empty((0, len(assets)))])
    yield PointInTimeValue(stage, "loading", of_each, loadings, (assets,))
    specific = np.array([one.specific for one in factors]).reshape(len(factors), len(assets))
    yield PointInTimeValue(stage, "specific variance", rows, specific, (assets,))


def _of_regimes(path: RegimePath) -> Iterator[PointInTimeValue]:
    """Yield the centres of each refit, and the regime of each date."""
    states = tuple(f"state {s}" for s in range(path.probabilities.shape[1]))
    rows = np.arange(len(path.label))
    yield PointInTimeValue("regimes", "centre", path.refits, path.centres, (states, path.features))
    yield PointInTimeValue("regimes", "probability", rows, path.probabilities, (states,))
    yield PointInTimeValue("regimes", "label", rows, path.label, ())
    yield PointInTimeValue("regimes", "anomaly", rows, path.anomaly, ())
    yield from _of_regime_forecast(path.forecast, path.refits, states)


def _of_regime_forecast(forecast: RegimeForecast, refits: Ints, states: Names) -> Iterator[PointInTimeValue]:
    """Yield what each refit learned, the forecast of each date, and its outcome at the row at which it is known."""
    rows, horizon = np.arange(len(forecast.outcome)), forecast.horizon
    yield PointInTimeValue("regimes", "transition", refits, forecast.matrix, (states, states))
    yield PointInTimeValue("regimes", "share", refits, forecast.share, (states,))
    learned = np.column_stack([forecast.stay, forecast.weight])
    yield PointInTimeValue("regimes", "persistence", refits, learned, (("stay", "weight of the classifier"),))
    yield PointInTimeValue("regimes", "classified", rows, forecast.classified, (states,))
    yield PointInTimeValue("regimes", "forecast", rows, forecast.probabilities, (states,))
    yield PointInTimeValue("regimes", "outcome", rows[horizon:], forecast.outcome[:-horizon], ())


def _of_walk(walk: WalkResult, features: Names, assets: Names) -> Iterator[PointInTimeValue]:
    """Yield each fit of a model, and its predictions."""
    stage = f"model {walk.model}"
    first = np.array([fit.first_test for fit in walk.fits], dtype=np.int64)
    chosen = tuple(sorted({key for fit in walk.fits for key in fit.chosen}))
    settings = np.array([[fit.chosen.get(key, np.nan) for key in chosen] for fit in walk.fits])
    yield PointInTimeValue(stage, "chosen", first, settings.reshape(len(first), -1), (chosen,))
    importance = np.array([fit.importance for fit in walk.fits])
    yield PointInTimeValue(stage, "importance", first, importance.reshape(len(first), -1), (features,))
    yield PointInTimeValue(stage, "prediction", np.arange(len(walk.raw)), walk.raw, (assets,))
    if walk.untuned is not None:
        tuned = np.array([trial.first_test for trial in walk.trials], dtype=np.int64)
        losses = np.array([[trial.number, trial.loss] for trial in walk.trials], dtype=np.float64)
        yield PointInTimeValue(stage, "trial", tuned, losses, (("number", "loss"),))
        yield PointInTimeValue(
            stage, "prediction without tuning", np.arange(len(walk.raw)), walk.untuned, (assets,)
        )


def _of_forecast(forecast: Forecast, assets: Names) -> Iterator[PointInTimeValue]:
    """Yield a calibrated forecast."""
    stage = f"forecast {forecast.model}"
    yield PointInTimeValue(stage, "slope", forecast.positions, forecast.slope, ())
    yield PointInTimeValue(stage, "mean", forecast.positions, forecast.mean, (assets,))
    yield PointInTimeValue(stage, "standard error", forecast.positions, forecast.stderr, (assets,))


def _of_portfolio(result: BacktestResult, assets: Names) -> Iterator[PointInTimeValue]:
    """Yield the decisions and the returns."""
    stage = f"portfolio {result.name}"
    yield PointInTimeValue(stage, "no trade", result.holds, np.ones(len(result.holds), dtype=np.int64), ())
    yield PointInTimeValue(stage, "weight", result.decisions, result.targets, (assets,))
    yield PointInTimeValue(stage, "cash", result.decisions, result.target_cash, ())
    yield PointInTimeValue(stage, "net return", result.positions, result.net, ())
    if result.sleeves is not None:
        digests = [_sleeve_digest(result.sleeves, k) for k in range(len(result.positions))]
        yield PointInTimeValue(stage, "sleeves", result.positions, np.array(digests, dtype=np.uint64), ())


def _of_active(record: ActiveRecord) -> Iterator[PointInTimeValue]:
    """Yield what is measured of active portfolios, known once their trade has earned, and what they earned."""
    of_decision = {
        "active risk": (record.risk, record.names),
        "transfer coefficient": (record.transfer, record.names),
        "number of bets": (record.bets, record.names),
        "expected active risk": (record.expected, record.links),
    }
    for name, (values, columns) in of_decision.items():
        yield PointInTimeValue("active", name, record.first, values, (columns,))
    yield PointInTimeValue("active", "expected information ratio", record.first, record.potential, ())
    yield PointInTimeValue("active", "active return", record.positions, record.gross, (record.links,))


def _sleeve_digest(paths: SleevePaths, row: int) -> int:
    """Return the first 64 bits of the SHA-256 of the holdings, returns and costs of a row's sleeves.

    A sleeve that starts later adds a column that is not known yet, so only sleeves with holdings count.
    """
    sha = hashlib.sha256()
    for k in sorted(range(len(paths.names)), key=lambda k: paths.names[k]):
        numbers = np.array([paths.share[row, k], paths.gross[row, k], paths.cost[row, k]])
        if numbers.any():
            sha.update(paths.names[k].encode() + b"=" + numbers.tobytes())
    return int.from_bytes(sha.digest()[:8], "big")


_VALUES: Mapping[type, Callable[[Any, _Done, RunConfig], Iterator[PointInTimeValue]]] = {
    Panel: lambda panel, done, config: of_data(panel),
    FeatureMatrix: lambda matrix, done, config: of_features(matrix, done["data"].assets),
    Schedule: lambda schedule, done, config: _of_schedule(schedule, done["data"].assets, refits(config)),
    RegimePath: lambda path, done, config: _of_regimes(path),
    # Beside the decisions there is a covariance for the last date of the panel, whichever that is.
    CovariancePath: lambda path, done, config: _of_covariances(
        path, np.isin(path.positions, done["schedule"].decisions), done["data"].assets
    ),
    CalibrationRisk: lambda risk, done, config: _of_covariances(
        risk.path, np.ones(len(risk.path.positions), bool), done["data"].assets, "calibration covariances"
    ),
    # Its columns are compared as features and regimes, its target as label. Another fault shows in the models.
    Dataset: lambda data, done, config: iter(()),
    WalkResult: lambda walk, done, config: _of_walk(walk, done["dataset"].names, done["data"].assets),
    Forecast: lambda forecast, done, config: _of_forecast(forecast, done["data"].assets),
    BacktestResult: lambda result, done, config: _of_portfolio(result, done["data"].assets),
    ActiveRecord: lambda record, done, config: _of_active(record),
}
"""Function that yields the values of a result, by its type."""
