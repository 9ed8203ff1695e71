"""Labels against the definition, one asset and one date at a time."""

import numpy as np
import pandas as pd
import pytest
from causality import violations
from synthetic import make_panel

from market.panel import Panel
from validation.errors import ScheduleError
from validation.folds.labels import average_uniqueness, forward_excess_returns


def panel_of(returns, cash=None):
    returns = np.array(returns, dtype=float)
    n = len(returns)
    return Panel(
        name="hand",
        dates=pd.date_range("2000-01-31", periods=n, freq="ME"),
        assets=tuple(f"a{i}" for i in range(returns.shape[1])),
        returns=returns,
        cash=np.zeros(n) if cash is None else np.array(cash),
        market=np.zeros(n),
        periods_per_year=12,
    )


def test_one_period_without_lag_is_the_next_return_less_cash():
    panel = panel_of([[0.5], [0.1], [0.2]], cash=[0.0, 0.01, 0.02])
    labels = forward_excess_returns(panel, 1, 0)
    np.testing.assert_allclose(labels.value[:, 0], [0.09, 0.18, np.nan])
    assert labels.start.tolist() == [0, 1, 2]
    assert labels.end.tolist() == [1, 2, 3]


def test_lag_skips_the_return_on_which_the_order_is_still_waiting():
    panel = panel_of([[0.0], [0.5], [0.1], [0.2], [0.3]])
    labels = forward_excess_returns(panel, 2, 1)
    np.testing.assert_allclose(labels.value[0, 0], 1.1 * 1.2 - 1)
    np.testing.assert_allclose(labels.value[1, 0], 1.2 * 1.3 - 1)
    assert np.isnan(labels.value[2:, 0]).all()
    assert labels.end[0] == 3


def test_an_asset_that_dies_on_the_way_keeps_what_it_earned():
    panel = panel_of([[0.0], [-0.4], [np.nan], [np.nan]])
    labels = forward_excess_returns(panel, 2, 0)
    np.testing.assert_allclose(labels.value[0, 0], -0.4)
    assert np.isnan(labels.value[1, 0]), "listed at the decision, but nothing was ever earned"
    assert np.isnan(labels.value[2, 0]), "not listed at the decision"


@pytest.mark.parametrize(("horizon", "lag"), [(1, 0), (3, 1), (21, 1)])
def test_equals_the_slow_loop(horizon, lag):
    panel = make_panel("daily", n_dates=80, n_assets=5, seed=3)
    labels = forward_excess_returns(panel, horizon, lag)
    for t in range(len(panel.dates)):
        for i in range(len(panel.assets)):
            window = panel.returns[t + lag + 1 : t + lag + 1 + horizon, i]
            cash = panel.cash[t + lag + 1 : t + lag + 1 + horizon]
            if len(window) < horizon or np.isnan(panel.returns[t, i]) or np.isnan(window).all():
                assert np.isnan(labels.value[t, i])
            else:
                wanted = np.prod(1 + np.nan_to_num(window)) - np.prod(1 + cash)
                assert labels.value[t, i] == pytest.approx(wanted, rel=1e-12, abs=1e-15)


def test_labels_that_have_ended_do_not_change_with_the_future():
    panel = make_panel("daily", n_dates=90, n_assets=4, seed=1)

    def ended(p):
        labels = forward_excess_returns(p, 5, 1)
        shifted = np.full_like(labels.value, np.nan)
        shifted[6:] = labels.value[:-6]
        return {"label, dated by its end": shifted}

    assert violations(ended, panel, [20, 50, 88]) == []


@pytest.mark.parametrize(("horizon", "lag"), [(0, 0), (1, -1)])
def test_impossible_spans_are_refused(horizon, lag):
    with pytest.raises(ScheduleError, match="expected >= 1 and >= 0"):
        forward_excess_returns(panel_of([[0.0], [0.1]]), horizon, lag)


def test_a_panel_shorter_than_the_horizon_has_no_label():
    assert np.isnan(forward_excess_returns(panel_of([[0.1], [0.1]]), 5, 0).value).all()


@pytest.mark.parametrize(("horizon", "lag", "every"), [(1, 0, 1), (4, 1, 1), (6, 0, 3), (21, 1, 5)])
def test_uniqueness_by_counting(horizon, lag, every):
    panel = make_panel("daily", n_dates=90, n_assets=4, seed=1)
    labels = forward_excess_returns(panel, horizon, lag)
    counted = np.zeros(panel.returns.shape, dtype=bool)
    counted[3::every] = panel.listed[3::every]
    share = average_uniqueness(labels, counted)
    for t in range(90):
        for i in range(4):
            span = [u for u in range(t + lag + 1, t + lag + horizon + 1) if u < 90]
            if not counted[t, i] or not span:
                assert np.isnan(share[t, i])
                continue
            others = [
                sum(counted[d, i] and d + lag < u <= d + lag + horizon for d in range(90)) for u in span
            ]
            assert share[t, i] == pytest.approx(np.mean([1 / n for n in others]))
    if horizon == 1:
        assert np.nanmin(share) == 1, "labels that do not overlap are unique"


def test_uniqueness_rests_on_nothing_after_the_labels_end():
    panel = make_panel("daily", n_dates=90, n_assets=4, seed=1)

    def known(p):
        labels = forward_excess_returns(p, 6, 1)
        counted = p.listed
        ended = labels.end < len(p.dates)
        return {"uniqueness": np.where(ended[:, None], average_uniqueness(labels, counted), np.nan)}

    whole, cut = known(panel)["uniqueness"], known(panel.as_of(panel.dates[60]))["uniqueness"]
    ended = np.arange(61) + 7 <= 60
    np.testing.assert_array_equal(cut[ended], whole[:61][ended])
