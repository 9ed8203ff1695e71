"""What the allocators of views, scores and aims decide at t does not depend on what comes after."""

import numpy as np
import pandas as pd
import pytest
from causality import assert_causal, telling_positions
from synthetic import make_panel

from allocation.covariance.path_estimation import covariance_path
from allocation.esg.allocator import EsgAllocator
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.trading.garleanu_pedersen import AimPortfolio
from allocation.trading.signals import Signals, estimate_decay
from allocation.trading.trading_speed import Preferences
from allocation.views.black_litterman import BlackLitterman, equilibrium_path
from allocation.views.forecast_views import forecast_views
from market.scores import ScoreTable
from validation.folds.labels import forward_excess_returns


def test_an_aim_and_its_decays_know_the_past_alone():
    """The contract: decays are estimated from forecasts so far, and each step starts from the one before."""
    panel = make_panel(n_dates=90, n_assets=5, seed=2, macro=False, bars=False)

    def compute(panel):
        n = len(panel.dates)
        excess = panel.returns - panel.cash[:, None]
        rows = np.arange(40, n, 2)
        covariances = covariance_path(excess, rows, window=36, min_history=12, horizon=1)
        mean = 0.1 * np.nan_to_num(excess[rows])
        decay = np.stack([estimate_decay(mean, unknown=0.5), np.zeros(len(rows))], axis=1)
        parts = Signals(rows, np.stack([mean, np.full_like(mean, 0.002)], axis=1), decay)
        inner = MeanVariance(panel.assets, Constraints(), risk_aversion=5.0)
        allocator = AimPortfolio(inner, Preferences(5.0, 0.01), cost=3.0, signals=parts)
        out = {"weights": np.full((n, 5), np.nan), "decay": np.full((n, 2), np.nan)}
        out["decay"][rows] = decay
        held = np.full(5, 0.2)
        for row in rows:
            sigma, universe = covariances.at(int(row))
            held = allocator.solve(int(row), held, sigma, held, universe).weights
            out["weights"][row] = held
        return out

    assert_causal(compute, panel, [44, 57, 70, 86])


@pytest.mark.parametrize(
    ("by_asset", "errors", "relative"),
    [(False, "independent", True), (True, "like_returns", False), (False, "like_returns", True)],
)
def test_confidences_and_posteriors_know_the_past_alone(by_asset, errors, relative):
    """The contract: confidences and weights, when the future is noise or is cut off."""
    panel = make_panel(n_dates=120, n_assets=5, seed=3, signal=0.5, macro=False, bars=False)

    def compute(panel):
        n = len(panel.dates)
        labels = forward_excess_returns(panel, horizon=2, execution_lag=1)
        excess = panel.returns - panel.cash[:, None]
        positions = np.arange(30, n, dtype=np.int64)
        covariances = covariance_path(excess, positions, window=30, min_history=12, horizon=2)
        prior = equilibrium_path(covariances, None, 3.0)
        views = forecast_views(
            positions, 0.5 * excess[positions], labels.value[positions], prior, labels.end[positions],
            prior_dates=5.0, by_asset=by_asset, relative=relative,
        )  # fmt: skip
        inner = MeanVariance(panel.assets, Constraints(maximum=0.6), risk_aversion=3.0)
        allocator = BlackLitterman(inner, risk_aversion=3.0, forecasts=views, errors=errors)
        out = {name: np.full((n, 5), np.nan) for name in ("confidence", "weights", "prior")}
        out["confidence"][positions], out["prior"][positions] = views.confidence, prior
        for t in positions[::5]:
            sigma, universe = covariances.at(int(t))
            if universe.sum() > 1:
                held = np.full(5, 0.2)
                out["weights"][t] = allocator.solve(int(t), held, sigma, held, universe).weights
        return out

    confidence = compute(panel)["confidence"]
    assert np.nanmax(confidence) > 0
    assert_causal(compute, panel, [*telling_positions(panel, 4), 80, 100])


def test_scores_count_from_the_row_at_which_they_were_known():
    """The contract: a score counts from the row at which it was known; the reader and the allocator together."""
    panel = make_panel(n_dates=72, n_assets=5, seed=1, late=False, deaths=False, holes=False, macro=False)
    rng = np.random.default_rng(0)
    about = panel.dates[rng.integers(0, 60, 80)]
    known = about + pd.to_timedelta(rng.integers(0, 300, 80), unit="D")
    whole = ScoreTable("t", panel.assets, rng.integers(0, 5, 80), about, known, rng.uniform(0, 9, 80), 700)

    def compute(panel):
        # Where the panel is cut off, so is the table: only what was known by its end is in it.
        table = whole.known_by(panel.dates[-1]) if len(panel.dates) < 72 else whole
        scores = table.at(panel.dates)
        excess = panel.returns - panel.cash[:, None]
        rows = np.arange(40, len(panel.dates), 6)
        covariances = covariance_path(excess, rows, window=36, min_history=24, horizon=1)
        inner = MeanVariance(panel.assets, Constraints(maximum=0.8), risk_aversion=4.0)
        allocator = EsgAllocator(
            inner, lambda row: scores[row], missing="worst", exclude_below=0.5, floor=4.0, tilt=0.001
        )
        out = np.full((len(panel.dates), 5), np.nan)
        for row in rows:
            sigma, universe = covariances.at(int(row))
            out[row] = allocator.solve(int(row), excess[row], sigma, np.zeros(5), universe).weights
        return {"scores": scores, "weights": out}

    assert_causal(compute, panel, [46, 52, 60, 69])
