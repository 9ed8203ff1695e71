"""Scores of forecasts of a state: plain sums, scikit-learn, planted chains, and noise."""

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from models.regimes.ahead.forecast import ForecastPlan
from models.regimes.hmm import HMMRegimes
from models.regimes.kmeans import KMeansRegimes
from models.regimes.walk import walk_regimes
from pipeline.stages.scores.regimes import score_regimes
from validation.errors import StatisticError
from validation.folds.walk_forward import WalkForward
from validation.forecasts.state_scores import (
    compare_state_scores,
    measure_reliability,
    persist_surely,
    score_states,
)


def forecasts(n=300, n_states=3, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(n_states), size=n)
    return p, np.array([rng.choice(n_states, p=row) for row in p])


def test_scores_are_those_of_the_definitions():
    p, outcome = forecasts()
    scores = score_states(p, outcome)
    log, brier = scores.mean
    assert log == pytest.approx(log_loss(outcome, p))
    plain = np.mean([sum((p[t, s] - (outcome[t] == s)) ** 2 for s in range(3)) for t in range(300)])
    assert brier == pytest.approx(plain)
    p[5], outcome[7] = np.nan, -1
    scores = score_states(p, outcome)
    assert np.flatnonzero(np.isnan(scores.log)).tolist() == [5, 7]
    assert scores.mean[0] == pytest.approx(np.delete(scores.log, [5, 7]).mean())
    assert score_states(np.array([[1.0, 0.0]]), np.array([1])).log[0] == np.inf
    assert np.isnan(score_states(p[:0], outcome[:0]).mean).all()


def test_what_is_no_forecast_is_refused():
    p, outcome = forecasts()
    with pytest.raises(StatisticError, match="do not fit"):
        score_states(p, outcome[:-1])
    for bad in (2 * p, np.column_stack([-p[:, 0], p[:, 1:] + p[:, :1]])):
        with pytest.raises(StatisticError, match="not negative and sum to 1"):
            score_states(bad, outcome)


def test_the_truth_beats_any_other_forecast():
    p, outcome = forecasts(4000)
    rng = np.random.default_rng(1)
    for other in (np.full_like(p, 1 / 3), 0.7 * p + 0.1, p[rng.permutation(4000)]):
        tests = compare_state_scores(score_states(p, outcome), score_states(other, outcome), 1)
        assert tests.log.p_greater < 1e-4
        assert tests.brier.p_greater < 1e-4


def test_certain_persistence_leaves_the_clip_to_the_others():
    result = persist_surely(np.array([2, -1, 0]), 3, 0.01)
    np.testing.assert_allclose(result[[0, 2]], [[0.005, 0.005, 0.99], [0.99, 0.005, 0.005]])
    assert np.isnan(result[1]).all()
    assert persist_surely(np.array([0]), 1, 0.01).tolist() == [[1.0]]


def test_reliability_agrees_with_scikit_learn():
    p, outcome = forecasts(2000)
    found = measure_reliability(p, outcome, horizon=1)
    came, stated = calibration_curve(np.eye(3)[outcome].ravel(), p.ravel(), n_bins=10)
    np.testing.assert_allclose(found.stated, stated)
    np.testing.assert_allclose(found.came, came)
    assert found.count.sum() == 6000
    assert (np.abs(found.came - found.stated) < 4 * found.stderr).all()
    wider = measure_reliability(p, outcome, horizon=4)
    np.testing.assert_allclose(wider.stderr, 2 * found.stderr)
    sharper = p**3 / (p**3).sum(axis=1, keepdims=True)
    assert measure_reliability(sharper, outcome, 1).error > 3 * found.error
    assert np.isnan(measure_reliability(p[:0], outcome[:0], 1).error)


STAY = np.array([0.97, 0.88])
"""Of the planted chain: a calm state that lasts, and a turbulent one that does not."""


def planted_chain(n, seed, noise=0.5):
    """Return features of a two-state chain, its states, and the oracle's forecast of the next state.

    The oracle filters with the true parameters: Bayes' rule, written out.
    """
    rng = np.random.default_rng(seed)
    state = np.zeros(n, dtype=int)
    for t in range(1, n):
        state[t] = state[t - 1] if rng.random() < STAY[state[t - 1]] else 1 - state[t - 1]
    X = 2.0 * state[:, None] + rng.normal(0, noise, size=(n, 1))
    step = np.array([[STAY[0], 1 - STAY[0]], [1 - STAY[1], STAY[1]]])
    prior, ahead = np.array([0.5, 0.5]), np.empty((n, 2))
    for t in range(n):
        posterior = prior * stats.norm.pdf(X[t, 0], [0.0, 2.0], noise)
        prior = ahead[t] = posterior / posterior.sum() @ step
    return X, state, ahead


def walked(X, model, horizon=1, kind="transitions"):
    walk = WalkForward(np.arange(len(X)), first_test=500, refit_every=100).folds()
    return walk_regimes(X, walk, ["x"], model, plan=ForecastPlan(horizon, kind))


@pytest.mark.parametrize(
    ("model", "noise"),
    [(HMMRegimes(2, "full"), 0.5), (HMMRegimes(2, "full"), 0.25), (KMeansRegimes(2), 0.25)],
    ids=str,
)
def test_a_planted_chain_is_forecast_as_well_as_by_the_oracle(model, noise):
    """Scored against the true states, which the walk never sees. K-means needs states that hardly overlap."""
    log, oracle = [], []
    for seed in range(4):
        X, state, ahead = planted_chain(3000, seed, noise)
        forecast = walked(X, model).forecast
        rows = np.arange(500, 2999)
        log.append(score_states(forecast.probabilities[rows], state[rows + 1]).mean[0])
        oracle.append(score_states(ahead[rows], state[rows + 1]).mean[0])
    assert np.mean(log) < np.mean(oracle) * 1.02


def test_a_planted_chain_beats_persistence_and_shares():
    for seed in range(4):
        X, _, ahead = planted_chain(3000, seed)
        path = walked(X, HMMRegimes(2, "full"))
        score = score_regimes(path, "transitions", 500)
        assert score.p_better < 0.01
        assert score.comparisons["persistence"].brier.p_greater < 0.05
        assert score.comparisons["certain_persistence"].log.p_greater < 0.01
        oracle = score_states(ahead[score.positions], path.forecast.outcome[score.positions]).mean[0]
        assert score.scores["forecast"].mean[0] < 1.02 * oracle


@pytest.mark.parametrize("model", [HMMRegimes(2, "full"), KMeansRegimes(2)], ids=str)
def test_noise_is_not_forecast(model):
    """At 5 %, 60 walks beat persistence and shares both in 8 at most, with a probability of 99 %."""
    better = 0
    for seed in range(60):
        X = np.random.default_rng(seed).normal(size=(1200, 1))
        better += score_regimes(walked(X, model), "transitions", 500).p_better < 0.05
    assert better <= 8


def test_scores_by_refit_add_up_to_the_whole():
    X, _, _ = planted_chain(1500, 9)
    path = walked(X, KMeansRegimes(2), horizon=3)
    score = score_regimes(path, "transitions", 700)
    n = np.array([refit["n_dates"] for refit in score.by_refit])
    assert n.sum() == len(score.positions) == 1500 - 3 - 700
    for key, name in (("log_score", "forecast"), ("persistence_log_score", "persistence")):
        mean = np.average([refit[key] for refit in score.by_refit], weights=n)
        assert mean == pytest.approx(score.scores[name].mean[0])
    # Its baselines, told by hand from the training labels of the fold in force.
    row = int(score.positions[250])
    fold = int(np.searchsorted(path.refits, row, side="right") - 1)
    expected = path.forecast.stay[fold]
    same = path.label[row] == path.forecast.outcome[row]
    assert np.exp(-score.scores["persistence"].log[250]) == pytest.approx(expected if same else 1 - expected)
    assert score.metrics()["persistence/log_gain"] == score.comparisons["persistence"].log.mean
