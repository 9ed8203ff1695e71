"""Regime scores by hand, against statsmodels and loops, and the size of the tests where states last."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from sklearn.metrics import adjusted_rand_score

from validation.errors import StatisticError
from validation.forecasts.regime_scores import regime_difference, regime_persistence
from validation.forecasts.regime_stability import regime_stability
from validation.forecasts.scores import hac_lags, small_sample


def chain(rng, n, stay):
    """A two-state Markov chain."""
    return np.cumsum(rng.random(n) > stay) % 2


def test_persistence_by_hand():
    labels = np.array([-1, 0, 0, 1, 1, 1, -1, 1, 0, 0])
    result = regime_persistence(labels, 3)
    assert result.flip_rate == pytest.approx(2 / 6)
    np.testing.assert_allclose(result.duration, [2, 2, np.nan])
    np.testing.assert_allclose(result.share, [0.5, 0.5, 0])
    assert (result.n, np.isnan(result.confidence)) == (8, True)
    p = np.full((10, 3), np.nan)
    p[1:, 0], p[1:, 1], p[1:, 2] = 0.2, 0.7, 0.1
    assert regime_persistence(labels, 3, p).confidence == pytest.approx((4 * 0.2 + 4 * 0.7) / 8)


def test_mean_duration_of_a_markov_chain():
    labels = chain(np.random.default_rng(0), 40_000, 0.95)
    result = regime_persistence(labels, 2)
    assert result.flip_rate == pytest.approx(0.05, rel=0.1)
    np.testing.assert_allclose(result.duration, 20, rtol=0.1)


@pytest.mark.parametrize("n_states", [2, 3])
def test_wald_equals_a_regression_on_dummies(n_states):
    rng = np.random.default_rng(n_states)
    labels = rng.integers(n_states, size=150)
    y = rng.normal(size=150) + 0.3 * labels
    result = regime_difference(labels, y, n_states, overlap=2)
    dummies = sm.add_constant((labels[:, None] == np.arange(1, n_states)).astype(float))
    lags, q = hac_lags(150, 2), n_states - 1
    share, dof = small_sample(150, lags)
    options = {"maxlags": lags, "use_correction": False}
    for target, p in ((y, result.p_mean), ((y - result.mean[labels]) ** 2, result.p_volatility)):
        peer = sm.OLS(target, dummies).fit(cov_type="HAC", cov_kwds=options)
        contrast = np.eye(n_states)[1:]
        wald = float(peer.wald_test(contrast, use_f=False, scalar=True).statistic) * share
        assert p == pytest.approx(stats.f.sf(wald * (dof - q + 1) / (dof * q), q, dof - q + 1))
    np.testing.assert_allclose(result.mean, [y[labels == k].mean() for k in range(n_states)])
    np.testing.assert_allclose(result.volatility, [y[labels == k].std(ddof=1) for k in range(n_states)])


def test_shift_equals_a_loop():
    rng = np.random.default_rng(4)
    labels, y = rng.integers(3, size=60), rng.normal(size=60)
    between = []
    for k in range(60):
        moved = np.roll(labels, k)
        between.append(sum((moved == s).sum() * (y[moved == s].mean() - y.mean()) ** 2 for s in range(3)))
    expected = np.mean(np.array(between) >= between[0] - 1e-12)
    assert regime_difference(labels, y, 3).p_mean_shift == pytest.approx(expected)


def test_true_differences_are_found():
    rng = np.random.default_rng(5)
    labels = chain(rng, 600, 0.95)
    y = np.where(labels == 1, -0.5, 0.5) + rng.normal(size=600) * np.where(labels == 1, 2.0, 1.0)
    result = regime_difference(labels, y, 2)
    assert max(result.p_mean, result.p_volatility, result.p_mean_shift, result.p_volatility_shift) < 0.01


def test_size_where_states_last_and_volatility_clusters():
    """600 samples of 300 months, runs of 20: 3 binomial errors are 2.7 points, doubled for the Wald tests."""
    rng, runs, n = np.random.default_rng(6), 600, 300
    y, variance = np.zeros((n + 100, runs)), np.ones(runs)
    for t in range(1, n + 100):
        variance = 0.05 + 0.1 * y[t - 1] ** 2 + 0.85 * variance
        y[t] = np.sqrt(variance) * rng.normal(size=runs)
    result = [regime_difference(chain(rng, n, 0.95), y[100:, k], 2) for k in range(runs)]
    for name, over in (("p_mean", 2), ("p_volatility", 2), ("p_mean_shift", 1), ("p_volatility_shift", 1)):
        share = np.mean([getattr(d, name) <= 0.05 for d in result])
        assert 0.05 - 0.027 < share < 0.05 + over * 0.027, (name, share)


def test_stability():
    a = np.array([0, 0, 1, 1, -1, 2, 2, 0])
    assert regime_stability(a, a).adjusted_rand == 1
    renamed = np.where(a >= 0, (a + 1) % 3, -1)
    result = regime_stability(a, renamed)
    assert (result.adjusted_rand, result.relabelled, result.n) == (1, 1, 7)
    # Hubert and Arabie (1985) by hand: 7 dates, one moved from state 0 to 1.
    moved = a.copy()
    moved[0] = 1
    table = np.array([[2, 1, 0], [0, 2, 0], [0, 0, 2]])
    pairs = lambda x: (x * (x - 1) / 2).sum()  # noqa: E731
    index, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance = rows * columns / pairs(np.array([7]))
    assert regime_stability(a, moved).adjusted_rand == pytest.approx(
        (index - chance) / ((rows + columns) / 2 - chance)
    )
    assert regime_stability(a, moved).relabelled == pytest.approx(1 / 7)
    rng = np.random.default_rng(7)
    noise = regime_stability(rng.integers(3, size=3000), rng.integers(3, size=3000))
    assert noise.adjusted_rand == pytest.approx(0, abs=0.01)


def test_agreement_is_that_of_scikit_learn():
    rng = np.random.default_rng(9)
    for states in (1, 2, 5):
        for share in (0.0, 0.5, 1.0):
            a, noise = rng.integers(states, size=(2, 200))
            b = np.where(rng.random(200) < share, a, noise)
            assert regime_stability(a, b).adjusted_rand == pytest.approx(adjusted_rand_score(a, b), abs=1e-15)


def test_what_does_not_exist_is_nan():
    none, y = np.full(30, -1), np.random.default_rng(8).normal(size=30)
    assert np.isnan(regime_persistence(none, 2).flip_rate)
    assert np.isnan(regime_persistence(none[:0], 2).share).all()
    assert np.isnan(regime_difference(none, y, 2).p_mean)
    one = regime_difference(np.zeros(30, dtype=int), y, 2)
    assert np.isnan(one.p_mean_shift)
    assert one.mean[0] == pytest.approx(y.mean())
    assert np.isnan(one.mean[1])
    flat = regime_difference(np.arange(30) % 2, np.ones(30), 2)
    assert np.isnan([flat.p_mean, flat.p_volatility, flat.p_mean_shift]).all()
    rare = np.r_[np.zeros(29, dtype=int), 1]
    assert np.isnan(regime_difference(rare, y, 2).volatility[1])
    assert np.isnan(regime_stability(none, none).adjusted_rand)


def test_what_does_not_fit_is_refused():
    labels = np.arange(30) % 3
    with pytest.raises(StatisticError, match="labels go up to 2, expected states 0 to 1"):
        regime_difference(labels, np.ones(30), 2)
    with pytest.raises(StatisticError, match="labels go up to 2"):
        regime_persistence(labels, 2)
    with pytest.raises(StatisticError, match="same shape"):
        regime_stability(labels, labels[1:])
