"""Synthetic markets with planted regimes, shared by the tests of all kinds."""

import numpy as np

from validation.folds.walk_forward import WalkForward


def chain(rng, n_dates, n_states, stay):
    """Return the state of each date of a Markov chain that moves to each other state equally often."""
    state = np.zeros(n_dates, dtype=int)
    for t in range(1, n_dates):
        moves = rng.random() >= stay
        state[t] = (state[t - 1] + rng.integers(1, n_states)) % n_states if moves else state[t - 1]
    return state


def market(n_dates=900, stay=0.98, noise=0.03, seed=0):
    """Return three persistent states of two features, and the state of each date."""
    rng = np.random.default_rng(seed)
    state = chain(rng, n_dates, 3, stay)
    centres = np.array([[0.1, 0.5], [0.2, -0.5], [0.4, 0.0]])
    return centres[state] + rng.normal(0, noise, size=(n_dates, 2)), state


def folds(n, first, every):
    """Return folds of regimes: a date is known at once."""
    return WalkForward(np.arange(n), first_test=first, refit_every=every).folds()
