"""The pooled test rejects as often as it says, also for panels that share dates."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from benchmarks.skill.pooling import pool_gains

N_PANELS, YEARS = 5, 24


def _correlated_panels(rng, mean=0.0, apart=0):
    """Return monthly and weekly gains with a common part; panel i begins `apart` x i years later."""
    months = pd.date_range("1990-01-31", periods=12 * YEARS, freq="ME")
    common = rng.standard_t(4, size=len(months))
    panels = {}
    for i in range(N_PANELS):
        own = rng.standard_t(4, size=len(months))
        gains = pd.Series(mean + 0.8 * common + 0.6 * own, months + pd.DateOffset(years=apart * i))
        panels[f"p{i}"] = gains.iloc[12 * i :]
    return panels


def _rejected(apart, draws=300, level=0.1):
    rng = np.random.default_rng(5)
    return np.mean(
        [pool_gains(_correlated_panels(rng, apart=apart), flips=499).p <= level for _ in range(draws)]
    )


def test_without_a_gain_it_rejects_as_often_as_it_says():
    assert _rejected(apart=0) == pytest.approx(0.1, abs=0.05)


def test_common_dates_that_are_not_kept_together_would_reject_too_often():
    # The same panels as if no two of them shared a year: what the test must not do.
    assert _rejected(apart=100) > 0.17


def test_all_sign_patterns_are_tried_where_they_are_few():
    rng = np.random.default_rng(1)
    dates = pd.date_range("2001-01-31", periods=60, freq="ME")
    panels = {name: pd.Series(rng.normal(0.3, 1, 60), dates) for name in ("a", "b")}
    found = pool_gains(panels)
    sums = np.array([series.groupby(dates.year).sum() for series in panels.values()])
    scaled = sums / np.sqrt((sums**2).sum(axis=1, keepdims=True))
    statistics = [float((scaled * signs).sum(axis=1).mean()) for signs in product((1, -1), repeat=5)]
    assert found.blocks == 5
    assert found.p == pytest.approx(np.mean(np.array(statistics) >= statistics[0] - 1e-12))
    assert found.z == pytest.approx(statistics[0] / np.std(statistics))
    np.testing.assert_allclose(list(found.panels.values()), scaled.sum(axis=1))


def test_a_gain_on_every_panel_is_found():
    found = pool_gains(_correlated_panels(np.random.default_rng(2), mean=0.5), flips=9999)
    assert found.p < 0.001
    assert found.z > 3


def test_frequencies_share_the_blocks_of_the_calendar():
    monthly = pd.Series(1.0, pd.date_range("2000-01-31", "2009-12-31", freq="ME"))
    daily = pd.Series(1.0, pd.bdate_range("2000-01-03", "2004-12-31"))
    assert pool_gains({"monthly": monthly, "daily": daily}).blocks == 10


def test_panels_without_a_difference_say_nothing():
    dates = pd.date_range("2000-01-31", periods=36, freq="ME")
    same = pd.Series(0.0, dates)
    assert pool_gains({"a": same}).p == 1.0
    gain = pd.Series(1.0, dates)
    assert pool_gains({"a": same, "b": gain}).panels == {"a": 0.0, "b": pytest.approx(np.sqrt(3))}
