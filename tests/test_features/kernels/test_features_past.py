"""Sums of windows that ended some rows ago: the bits of a late copy's, wherever the arrays begin."""

import numpy as np
import pytest
from synthetic import make_panel

from features.appending import append_dates
from features.building import build_matrix
from features.catalogue import catalogue
from features.kernels.carried_state import Continuation, use_continuation
from features.kernels.past_windows import past_sum
from features.kernels.rolling import lag, required_count, rolling_sum
from features.spec import FeatureError, FeatureSpec, feature


def sample(rows):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    x[rng.uniform(size=x.shape) < 0.1] = np.nan
    return x


@pytest.mark.parametrize("rows", [1, 5, 130])
@pytest.mark.parametrize("window", [1, 7, 20])
@pytest.mark.parametrize("ago", [0, 3, 40])
def test_whole_panels_equal_sums_of_a_late_copy(rows, window, ago):
    x = sample(rows)
    np.testing.assert_array_equal(
        past_sum(x, window, ago, required_count(window)), rolling_sum(lag(x, ago), window)
    )


@pytest.mark.parametrize("window", [1, 7, 20])
@pytest.mark.parametrize("ago", [0, 3, 40])
@pytest.mark.parametrize("begin", [0, 1, 29, 70])
def test_later_rows_have_the_bits_of_the_whole_panel(begin, window, ago):
    x = sample(200)
    whole = rolling_sum(lag(x, ago), window)
    start = 62
    with use_continuation(Continuation(begin, start)):
        wanted = past_sum(x[begin:], window, ago, required_count(window))
    assert wanted.shape == (200 - begin - start, 3)
    np.testing.assert_array_equal(wanted, whole[begin + start :])


PANEL = make_panel("monthly", 90, 5, seed=2)


def two_stages(reach):
    """Return a feature of 12 months, and one that looks 3 months back into it and into the returns."""
    slow = FeatureSpec(
        "slow", "asset", 12, "x", ("returns",), "Text.", lambda returns: rolling_sum(returns, 12)
    )
    fast = FeatureSpec(
        "fast",
        "asset",
        3,
        "x",
        ("returns", "slow"),
        "Text.",
        lambda returns, slow: rolling_sum(returns, 3) + slow,
        reach=reach,
    )
    return {"slow": slow, "fast": fast}


@pytest.mark.parametrize("reach", [None, 3, 1])
def test_a_reach_shortens_the_past_and_one_that_is_too_short_is_found_out(reach):
    specs = two_stages(reach)
    whole = build_matrix(PANEL, catalogue=specs)
    before = build_matrix(PANEL.as_of(PANEL.dates[-2]), catalogue=specs)
    after = append_dates(before, PANEL, catalogue=specs)
    np.testing.assert_array_equal(after.values, whole.values)
    assert after.recomputed == (("fast",) if reach == 1 else ())
    if reach == 3:
        assert len(before.history.past.tails["slow"]) == 4
    if reach is None:
        assert len(before.history.past.tails["slow"]) == 16


def test_residual_momentum_looks_back_as_far_as_it_says():
    assert catalogue()["residual_momentum_12_1"].reach == 12


@pytest.mark.parametrize("reach", [-1, 1.5])
def test_a_reach_is_whole_months(reach):
    def some_feature(returns):
        """Text."""

    with pytest.raises(FeatureError, match="reach is"):
        feature(stage="asset", lookback=1, reach=reach, unit="x")(some_feature)
