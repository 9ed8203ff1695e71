"""Evaluation: accuracy of the forecasts, overall, by fold and through time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from foundation.types import Floats, Ints
from models.forecast import Forecast
from models.walk_forward.results import WalkResult
from pipeline.stages.matched_forecasts import MatchedForecasts
from pipeline.stages.metrics import Metrics, measure_accuracy, measure_significance, measure_tuning_gain
from pipeline.stages.schedule import Schedule
from validation.forecasts.forecast_tests import cumulative_gain, diebold_mariano, mean_by_date
from validation.forecasts.scores import hac_mean, information_coefficient, r2_out_of_sample


@dataclass(frozen=True, eq=False)
class ForecastScore:
    """Scores of one model over the evaluation dates.

    Attributes
    ----------
    model : str
    metrics : dict of str to float
        See `docs/outputs.md`; NaN if a score does not exist (a constant forecast has no ranking).
    rank_ic : ndarray of shape (D,)
        Rank correlation across assets at each evaluation date.
    gain : ndarray of shape (D,)
        Cumulative reduction of the squared error against the baseline, as a share of the baseline's total. Its last
        value is "r2_baseline" if every date has the same number of assets.
    loss : ndarray of shape (D,)
        Squared error of the calibrated forecast at each date, mean over assets.
    positions : ndarray of int, shape (D,)
        Rows of the panel.
    by_fold : tuple of dict
        The same scores for each refit, with the row of its first test date under "first_test".
    """

    model: str
    metrics: Metrics
    rank_ic: Floats
    gain: Floats
    loss: Floats
    positions: Ints
    by_fold: tuple[Metrics, ...]


def score_forecast(
    forecast: Forecast, walk: WalkResult, schedule: Schedule, own_weight: float, first: int | None = None
) -> ForecastScore:
    """Score one model's forecasts from a row on, by default from the first decision.

    Rank and Pearson correlations compare the raw prediction with the target (units of risk). R2 compares the
    calibrated forecast in returns with each asset's historical mean, and with the baseline that the calibration
    starts from.
    """
    start = int(schedule.decisions[0]) if first is None else first
    pairs = MatchedForecasts.of(forecast, schedule, own_weight, start)
    rank_ic = information_coefficient(pairs.raw, pairs.wanted)
    metrics = measure_accuracy(pairs, rank_ic) | measure_significance(pairs)
    metrics["last_slope"] = float(forecast.slope[-1])
    if walk.untuned is not None:
        metrics |= measure_tuning_gain(pairs, rank_ic, walk.untuned[pairs.positions])
    by_fold = tuple(_by_fold(pairs, rank_ic, walk, len(schedule.labels.end)))
    saved = cumulative_gain(pairs.mean, pairs.earned, pairs.baseline)
    missed = cumulative_gain(pairs.earned, pairs.earned, pairs.baseline)
    gain = saved / missed[-1] if len(missed) and missed[-1] > 0 else saved
    loss = mean_by_date((pairs.earned - pairs.mean) ** 2)
    return ForecastScore(forecast.model, metrics, rank_ic, gain, loss, pairs.positions, by_fold)


def compare_forecasts(scores: Mapping[str, ForecastScore], horizon: int) -> dict[str, dict[str, float]]:
    """Return the two-sided Diebold-Mariano p-value of equal squared errors for each pair of models.

    NaN for a model with itself, and for two models with the same forecasts.
    """
    return {
        name: {
            other: diebold_mariano(mine.loss, theirs.loss, horizon).p_value if other != name else float("nan")
            for other, theirs in scores.items()
        }
        for name, mine in scores.items()
    }


def _by_fold(pairs: MatchedForecasts, rank_ic: Floats, walk: WalkResult, n_dates: int) -> Iterator[Metrics]:
    """Yield the scores of each refit whose forecasts are judged."""
    starts = [fit.first_test for fit in walk.fits] + [n_dates]
    for fit, start, stop in zip(walk.fits, starts[:-1], starts[1:], strict=True):
        inside = (pairs.positions >= start) & (pairs.positions < stop)
        if not inside.any():
            continue
        scores = {
            "first_test": float(fit.first_test),
            "rank_ic": hac_mean(rank_ic[inside], pairs.overlap).mean,
            "r2": r2_out_of_sample(pairs.mean[inside], pairs.earned[inside], pairs.history[inside]),
            "slope": float(pairs.slope[inside].mean()),
            "train_rows": float(fit.n_rows),
            "fit_seconds": fit.seconds,
        }
        yield scores | {f"chosen_{key}": value for key, value in fit.chosen.items()}
