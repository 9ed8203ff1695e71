"""Paths of regimes with given values, in which nothing was fitted."""

import numpy as np

from models.regimes.ahead.forecast import RegimeForecast
from models.regimes.path import RegimePath


def path_of(probabilities, label=None, anomaly=None, ahead=None):
    """Return the path of given probabilities (T, S); what lies ahead is by default what is known now."""
    n, n_states = probabilities.shape
    label = probabilities.argmax(axis=1) if label is None else label
    ahead = probabilities if ahead is None else ahead
    none, nan = np.zeros(0), np.full((n, n_states), np.nan)
    forecast = RegimeForecast(
        1,
        ahead,
        ahead,
        nan,
        np.r_[label[1:], -1],
        np.zeros((0, n_states, n_states)),
        none,
        np.zeros((0, n_states)),
        none,
    )
    return RegimePath(
        probabilities,
        label,
        np.full(n, 0.5) if anomaly is None else anomaly,
        np.zeros((0, n_states, 0)),
        np.zeros(0, dtype=np.int64),
        np.zeros(0, dtype=bool),
        none,
        none,
        none,
        (),
        None,
        -1,
        forecast,
        (),
    )
