"""Scores through time against literal numbers and a loop."""

import numpy as np

from validation.forecasts.scores_through_time import cumulative_gain, rolling_mean


def test_cumulative_gain_by_hand():
    y = np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, np.nan]])
    f, b = np.array([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]), np.zeros((3, 2))
    # Benchmark errors 1, 4 and 9; forecast errors 0, 1 and 4.
    np.testing.assert_allclose(cumulative_gain(f, y, b), [2.0, 2.0, 7.0])
    np.testing.assert_allclose(cumulative_gain(f[:, 0], y[:, 0], b[:, 0]), [1.0, 1.0, 6.0])


def test_rolling_mean_equals_a_loop():
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    x[rng.random(60) < 0.4] = np.nan
    x[20:30] = np.nan
    ours = rolling_mean(x, 6)
    for t in range(60):
        inside = x[max(0, t - 5) : t + 1]
        finite = inside[np.isfinite(inside)]
        expected = finite.mean() if t >= 5 and len(finite) >= 3 else np.nan
        np.testing.assert_allclose(ours[t], expected)


def test_a_window_longer_than_the_series_is_unknown():
    assert np.isnan(rolling_mean(np.ones(3), 4)).all()
    assert rolling_mean(np.empty(0), 4).shape == (0,)
