"""Nearly riskless assets: found by a slow loop, named once, and left out of the market's mean."""

import numpy as np
import pandas as pd
import pytest
from causality import violations
from synthetic import make_panel

from market.readers.prices import load_file
from market.values.riskless import ENTER, FEWEST, LEAVE, drop_riskless, find_riskless, find_riskless_in_panel


def slow_riskless(returns, cash, window):
    """Go through dates and assets one by one."""
    excess = returns - cash[:, None]
    out = np.zeros(excess.shape, dtype=bool)
    state = np.zeros(excess.shape[1], dtype=bool)
    for t in range(len(excess)):
        volatility = np.full(excess.shape[1], np.nan)
        for j in range(excess.shape[1]):
            rows = slice(max(0, t - window + 1), t + 1)
            past = excess[rows, j][np.isfinite(excess[rows, j]) & (returns[rows, j] != 0)]
            if np.isfinite(excess[t, j]) and len(past) >= FEWEST:
                volatility[j] = past.std()
        known = volatility[np.isfinite(volatility)]
        typical = np.median(known) if len(known) else 0.0
        for j in np.flatnonzero(np.isfinite(volatility)) if typical > 0 else ():
            share = volatility[j] / typical
            state[j] = share < ENTER or (state[j] and share <= LEAVE)
        out[t] = state & np.isfinite(excess[t])
    return out


@pytest.fixture
def excess():
    """Return returns of five ordinary assets, a bill, an asset near the border, and one that becomes calm."""
    rng = np.random.default_rng(0)
    scale = np.full((300, 8), 0.04)
    scale[:, 5] = 0.0004
    scale[:, 6] = 0.04 * (0.075 + 0.06 * np.sin(np.arange(300) / 12)) * rng.uniform(0.3, 1.7, 300)
    scale[150:220, 7] = 0.0005
    values = 0.003 + scale * rng.normal(size=scale.shape)
    values[rng.random(values.shape) < 0.05] = np.nan
    values[:40, 5] = np.nan
    return values


def test_riskless_assets_equal_the_slow_loop(excess):
    cash = 0.002 + 0.001 * np.sin(np.arange(300) / 9)
    found = find_riskless(excess + cash[:, None], cash, 24)
    np.testing.assert_array_equal(found, slow_riskless(excess + cash[:, None], cash, 24))
    assert not found[:, :5].any()
    assert found[40 + FEWEST + 5 :, 5][np.isfinite(excess[40 + FEWEST + 5 :, 5])].all()
    assert found[190:220, 7].any()
    assert not found[260:, 7].any(), "it is so while it is so"


def test_an_asset_near_the_border_does_not_change_sides_every_other_day(excess):
    found = find_riskless(excess, np.zeros(300), 24)[:, 6]
    listed = np.isfinite(excess[:, 6])
    changes = np.abs(np.diff(found[listed].astype(int))).sum()
    share = slow_share(excess, 24)[:, 6]
    crossings = np.abs(np.diff((share[np.isfinite(share)] < 0.075).astype(int))).sum()
    assert 2 <= changes <= crossings / 2


def slow_share(excess, window):
    table = pd.DataFrame(excess).rolling(window, min_periods=FEWEST).std(ddof=0).where(np.isfinite(excess))
    return table.div(table.median(axis=1), axis=0).to_numpy()


def test_what_comes_later_changes_nothing():
    panel = make_panel("monthly", 120, 6, seed=3)
    returns = panel.returns.copy()
    returns[:, 2] = np.where(np.isfinite(returns[:, 2]), 0.003, np.nan)

    def riskless(panel):
        made = np.where(np.arange(6) == 2, 0.01 * panel.returns, panel.returns)
        return {"riskless": find_riskless(made, panel.cash, 12).astype(float)}

    assert violations(riskless, panel, [30, 60, 90]) == []


def test_nobody_is_riskless_among_assets_that_are_alike_or_do_not_move():
    calm = 0.003 + 1e-4 * np.random.default_rng(0).normal(size=(60, 5))
    assert not find_riskless(calm, np.zeros(60), 12).any()
    assert not find_riskless(np.zeros((60, 5)), np.zeros(60), 12).any()
    assert not find_riskless(np.full((60, 5), np.nan), np.zeros(60), 12).any()
    assert not find_riskless(calm[:, :1], np.zeros(60), 12).any()


def test_an_asset_that_is_not_traded_for_months_is_stale_and_not_riskless(excess):
    excess[100:200, 2] = 0.0
    assert not find_riskless(excess, np.zeros(300), 24)[:, 2].any()


def test_an_asset_that_earns_just_what_cash_earns_is_riskless():
    rng = np.random.default_rng(0)
    cash = 0.002 + 0.001 * rng.random(60)
    returns = np.column_stack([0.04 * rng.normal(size=(60, 4)), cash])
    assert find_riskless(returns, cash, 12)[FEWEST:, 4].all()


def test_the_panel_without_them_is_the_panel_where_there_is_none():
    panel = make_panel("monthly", 120, 6, seed=3)
    assert drop_riskless(panel, find_riskless_in_panel(panel)) is panel
    mask = np.zeros(panel.returns.shape, dtype=bool)
    mask[50:, 1] = True
    left = drop_riskless(panel, mask)
    assert not left.listed[50:, 1].any()
    assert np.isnan(left.close[50:, 1]).all()
    np.testing.assert_array_equal(left.returns[:50], panel.returns[:50])


def test_a_bill_is_named_and_is_no_part_of_the_mean_market(tmp_path):
    rng = np.random.default_rng(0)
    dates = pd.date_range("2000-01-31", periods=61, freq="ME").rename("date")
    prices = pd.DataFrame(100 * np.cumprod(1 + 0.04 * rng.normal(size=(61, 4)), axis=0), dates, list("abcd"))
    prices.to_csv(tmp_path / "risky.csv")
    risky, before = load_file(tmp_path / "risky.csv")
    prices.assign(BIL=90 * 1.002 ** np.arange(61)).to_csv(tmp_path / "both.csv")
    both, after = load_file(tmp_path / "both.csv")
    assert not [f for f in before if f.check == "nearly riskless"]
    (finding,) = [f for f in after if f.check == "nearly riskless"]
    assert finding.severity == "warning"
    assert finding.asset == "BIL"
    assert "nearly riskless on 49 of 60 dates" in finding.message
    assert "data.cash" in finding.message
    np.testing.assert_array_equal(both.market[FEWEST:], risky.market[FEWEST:])
