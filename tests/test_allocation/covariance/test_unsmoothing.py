"""Unsmoothing: what was smoothed is found again, and the likelihood is that of statsmodels."""

import numpy as np
import pytest
from statsmodels.tsa.arima.model import ARIMA

from allocation.covariance.unsmoothing import (
    _smoothing_weights,
    _unsmooth_columns,
    _unsmooth_geltner,
    _unsmooth_getmansky_lo_makarov,
)
from allocation.errors import InputError


def true_returns(seed, n):
    return np.random.default_rng(seed).normal(0.01, 0.05, n)


def test_geltner_by_hand():
    np.testing.assert_allclose(_unsmooth_geltner(np.array([0.02, 0.04, 0.01]), 0.5)[1:], [0.06, -0.02])
    assert np.isnan(_unsmooth_geltner(np.array([0.02, 0.04]), 0.5)[0])


@pytest.mark.parametrize("a", [0.0, 0.4, 0.8])
def test_geltner_undoes_a_loop(a):
    r = true_returns(0, 400)
    s = [r[0]]
    for value in r[1:]:
        s.append(a * s[-1] + (1 - a) * value)
    np.testing.assert_allclose(_unsmooth_geltner(np.array(s), a)[1:], r[1:], atol=1e-12)
    result = _unsmooth_geltner(np.array(s))  # by its own autocorrelation
    assert result[1:].std() == pytest.approx(r.std(), rel=0.12)


def test_glm_undoes_a_loop():
    theta = np.array([0.5, 0.3, 0.2])
    r = true_returns(1, 500)
    s = np.array([sum(theta[k] * r[t - k] for k in range(3)) for t in range(2, 500)])
    # Exact once the innovations before the first are forgotten; the mean of the sample stands for the true one.
    result = _unsmooth_getmansky_lo_makarov(s, theta=theta)
    assert np.isnan(result[:2]).all()
    np.testing.assert_allclose(result[60:], r[62:], atol=5e-3)
    mean = s.mean()
    again = np.convolve(np.nan_to_num(result, nan=mean), theta)[4 : len(s)]
    np.testing.assert_allclose(again, s[4:], atol=1e-12)


@pytest.mark.parametrize("lags", [1, 2])
def test_the_weights_are_those_of_a_maximum_likelihood_fit(lags):
    theta = np.array([0.6, 0.25, 0.15])[: lags + 1]
    theta = theta / theta.sum()
    r = true_returns(2 + lags, 1500)
    s = np.convolve(r, theta)[lags : len(r)]
    result = _smoothing_weights(s, lags)
    peer = ARIMA(s - s.mean(), order=(0, 0, lags), trend="n").fit().params[:lags]
    expected = np.append(1.0, peer) / (1 + peer.sum())
    np.testing.assert_allclose(result, expected, atol=5e-3)
    assert result.sum() == pytest.approx(1)
    np.testing.assert_allclose(result, theta, atol=0.06)
    wider = _unsmooth_getmansky_lo_makarov(s, lags)
    assert np.nanstd(wider) == pytest.approx(s.std() / np.sqrt((result**2).sum()), rel=0.05)


def test_columns_of_a_window_with_late_and_still_records():
    X = np.random.default_rng(5).normal(0, 0.02, (60, 4))
    X[:30, 1] = np.nan
    X[:, 2] = 0.01
    X[:58, 3] = np.nan
    for method in ("geltner", "glm"):
        out = _unsmooth_columns(X, np.array([False, True, True, True]), method)
        np.testing.assert_array_equal(out[:, 0], X[:, 0])
        np.testing.assert_array_equal(out[:, 2], X[:, 2])
        np.testing.assert_array_equal(out[:, 3], X[:, 3])
        assert np.isnan(out[:30, 1]).all()
        lost = 1 if method == "geltner" else 2
        assert np.isfinite(out[30 + lost :, 1]).all()


def test_what_cannot_be_unsmoothed():
    with pytest.raises(InputError, match="autocorrelation 1"):
        _unsmooth_geltner(np.zeros(5), 1.0)
    with pytest.raises(InputError, match="3 lags of smoothing need 20 returns, there are 10"):
        _smoothing_weights(np.arange(10.0), 3)
    with pytest.raises(InputError, match="do not vary"):
        _smoothing_weights(np.ones(30), 2)
