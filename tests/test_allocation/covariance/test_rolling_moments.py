"""Moments that share sums: those of each window alone, whatever the windows, units and levels."""

import numpy as np
import pytest
from test_covariance_estimators import returns

from allocation.covariance.moments import window_moments
from allocation.covariance.rolling_moments import MAXIMUM_DECAY, rolling_moments


def weights(window, decay):
    return np.exp2(-decay * np.arange(window)[::-1]) if decay else None


def worst(x, positions, window, decay=0.0, inside=None):
    """Return the largest differences of entries, as a share of the two standard deviations, and of the spread."""
    inside = np.arange(x.shape[1]) if inside is None else inside
    entries, spreads = 0.0, 0.0
    moments = rolling_moments(x, inside, positions, window=window, decay=decay)
    for position, one in zip(positions, moments, strict=True):
        alone = window_moments(x[position - window + 1 : position + 1][:, inside], weights(window, decay))
        std = np.sqrt(np.diag(alone.sample))
        entries = max(entries, float((np.abs(one.sample - alone.sample) / np.outer(std, std)).max()))
        spreads = max(spreads, abs(one.spread / alone.spread - 1))
        assert one.rows == pytest.approx(alone.rows, rel=1e-12)
        assert one.length == window
        np.testing.assert_array_equal(one.sample, one.sample.T)
    return entries, spreads


@pytest.mark.parametrize("window", [2, 3, 7, 8, 9, 16, 23, 60, 252])
@pytest.mark.parametrize("every", [1, 5, 21, 100])
def test_equal_to_each_window_alone(window, every):
    x = returns(700, 9)
    entries, spreads = worst(x, np.arange(window, 700, every), window)
    # In two or three rows the variance may be a small part of what the mean takes out.
    assert entries < (1e-13 if window > 10 else 1e-11)
    assert spreads < 1e-11


@pytest.mark.parametrize("half_life", [5.0, 63.0, 2000.0, 252 / MAXIMUM_DECAY])
def test_fading_rows(half_life):
    x = returns(900, 6)
    entries, _ = worst(x, np.arange(252, 900, 13), 252, decay=1 / half_life)
    assert entries < 1e-12


def test_some_columns_of_a_panel_with_holes_elsewhere():
    x = returns(400, 8)
    inside = np.array([1, 4, 6])
    x[:, 0] = np.nan
    x[:50, 4] = np.nan
    entries, spreads = worst(x, np.arange(110, 400, 3), 60, inside=inside)
    assert max(entries, spreads) < 1e-13


@pytest.mark.parametrize(
    ("change", "bound"),
    [
        (lambda x: x * 1e-6, 1e-13),
        (lambda x: x + 1.0, 1e-12),
        (lambda x: x * np.geomspace(1e-6, 1e6, x.shape[1]), 1e-13),
        # The level moves by a hundred standard deviations in one step: the worst that a mean can do.
        (lambda x: x + np.where(np.arange(len(x)) > 400, 1.0, 0.0)[:, None], 1e-10),
        # A crash of a hundred standard deviations comes into the window, and leaves it without a trace.
        (lambda x: x + np.where(np.arange(len(x)) == 300, -1.0, 0.0)[:, None], 1e-10),
    ],
    ids=["unit", "level", "units", "step", "crash"],
)
def test_units_levels_and_crashes(change, bound):
    entries, spreads = worst(change(returns(1200, 5)), np.arange(200, 1200, 1), 100)
    assert entries < bound
    assert spreads < 1e-9


def test_what_has_left_the_window_leaves_no_residue():
    """A running sum that subtracts would keep 1e-16 of the crash: as much as all of the calm after it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 4)) * 1e-9
    x[300:310] *= 1e9
    entries, _ = worst(x, np.arange(500, 1000, 7), 60)
    assert entries < 1e-13


def test_a_window_is_the_same_bits_whichever_others_are_asked_for():
    x = returns(500, 7)
    options = {"window": 60, "decay": 0.0}

    def moments_at(rows, positions):
        moments = rolling_moments(x[:rows], np.arange(7), np.asarray(positions), **options)
        return {p: (m.sample.tobytes(), m.spread) for p, m in zip(positions, moments, strict=True)}

    everything = moments_at(500, np.arange(60, 500))
    for some in ([60], [499], [77, 78, 300], list(range(61, 400, 17))):
        for p, one in moments_at(some[-1] + 1, some).items():
            assert everything[p] == one
