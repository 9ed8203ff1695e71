"""The gain through time against literal numbers."""

import numpy as np

from validation.forecasts.scores_through_time import cumulative_gain


def test_cumulative_gain_by_hand():
    y = np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, np.nan]])
    f, b = np.array([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]), np.zeros((3, 2))
    # Benchmark errors 1, 4 and 9; forecast errors 0, 1 and 4.
    np.testing.assert_allclose(cumulative_gain(f, y, b), [2.0, 2.0, 7.0])
    np.testing.assert_allclose(cumulative_gain(f[:, 0], y[:, 0], b[:, 0]), [1.0, 1.0, 6.0])
