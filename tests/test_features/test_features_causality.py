"""Every registered feature, under a changed and under a missing future; and proof that the check would notice."""

import numpy as np
import pandas as pd
import pytest
from causality import assert_causal, first_difference, telling_positions, violations
from synthetic import make_panel

from features.building import build_matrix
from features.catalogue import catalogue
from features.spec import STAGES, FeatureSpec
from market.counterfactual import replace_future

CATALOGUE = catalogue()
MONTHLY = make_panel("monthly", 180, 5, seed=1)
DAILY = make_panel("daily", 1560, 5, seed=2)
PANELS = {
    "monthly": (MONTHLY, [0, 100, *telling_positions(MONTHLY, 6), 179]),
    "daily": (DAILY, [20, 1300, *telling_positions(DAILY, 3), 1559]),
}


def columns(names, specs=CATALOGUE):
    def compute(panel):
        matrix = build_matrix(panel, include=names, catalogue=specs)
        return {name: matrix.column(name) for name in matrix.names}

    return compute


@pytest.mark.parametrize("kind", PANELS)
@pytest.mark.parametrize("stage", STAGES)
def test_features_are_causal(stage, kind):
    panel, positions = PANELS[kind]
    compute = columns([stage])
    # A column that is empty where it is checked would prove nothing.
    for name, column in compute(panel).items():
        assert np.isfinite(column[: positions[1] + 1]).any(), name
    assert_causal(compute, panel, positions)


def planted(name, kernel):
    spec = FeatureSpec(name, "market", 0, "fraction", ("returns",), "A leak.", kernel)
    return columns([name], {name: spec})


def centred(returns):
    return pd.DataFrame(returns).rolling(5, center=True).mean().to_numpy()


def backward_fill(returns):
    return pd.DataFrame(returns).rolling(12).mean().bfill().to_numpy()


def backward_fill_of_the_average(returns):
    return pd.DataFrame(returns).bfill().mean(axis=1).to_numpy()


def scaled_by_the_whole_sample(returns):
    return returns / np.nanstd(returns)


def tomorrow(returns):
    return np.vstack([returns[1:], returns[-1:]])


def listed_in_the_future(returns):
    return np.where(np.isfinite(returns[-1]), returns, 0.0)


def rounding_of_the_whole_sample(returns):
    # Mathematically causal: adding and taking away the sum of all. The last bits know the future.
    total = np.nansum(returns)
    return (returns + total) - total


@pytest.mark.parametrize(
    "kernel",
    [
        centred,
        backward_fill,
        backward_fill_of_the_average,
        scaled_by_the_whole_sample,
        tomorrow,
        listed_in_the_future,
        rounding_of_the_whole_sample,
    ],
)
@pytest.mark.parametrize("kind", PANELS)
def test_planted_leak_is_caught(kernel, kind):
    panel, positions = PANELS[kind]
    compute = planted(kernel.__name__, kernel)
    assert violations(compute, panel, positions[:-1])
    with pytest.raises(AssertionError, match=kernel.__name__):
        assert_causal(compute, panel, positions[:-1])


@pytest.mark.parametrize("kind", PANELS)
def test_scrambling_keeps_the_past_and_changes_the_future(kind):
    panel, positions = PANELS[kind]
    t = positions[1]
    other = replace_future(panel, t)
    date = panel.dates[t]
    assert panel.as_of(date).digest() == other.as_of(date).digest()
    for name in ("returns", "cash", "market", "volume", *panel.bars):
        assert not np.isin(getattr(other, name)[t + 1 :], getattr(panel, name)[t + 1 :]).any(), name
    assert (other.listed[t + 1 :] != panel.listed[t + 1 :]).any()
    later = panel.macro["core_cpi"].known_at > date
    assert later.any()
    assert (panel.macro["core_cpi"].values != other.macro["core_cpi"].values)[later].all()


def test_first_difference_sees_single_bits():
    x = np.array([1.0, np.nan, 0.0])
    assert first_difference("x", x, x.copy(), 3) is None
    assert "x[0]" in first_difference("x", x, np.array([np.nextafter(1, 2), np.nan, 0.0]), 3)
    assert "x[1]" in first_difference("x", x, np.array([1.0, 2.0, 0.0]), 3)
    assert "x[2]" in first_difference("x", x, np.array([1.0, np.nan, -0.0]), 3)
    assert first_difference("x", x, np.array([1.0, np.nan, 7.0]), 2) is None
    assert "shapes" in first_difference("x", x, x[:2], 3)


def test_telling_positions_lie_beside_changes_of_the_universe():
    rows = telling_positions(MONTHLY, 6)
    changes = np.flatnonzero((MONTHLY.listed[1:] != MONTHLY.listed[:-1]).any(axis=1))
    assert {89, 178} <= set(rows)
    assert any(row in changes for row in rows)
    assert any(row - 1 in changes for row in rows)
    assert telling_positions(make_panel("monthly", 1, 1)) == [0]


def test_synthetic_panel_is_what_it_says():
    full = make_panel("monthly", 600, 8, late=False, deaths=False, holes=False, macro=False)
    assert full.listed.all()
    assert not full.macro
    rough = make_panel("monthly", 600, 8)
    assert not rough.listed[0].all()
    assert not rough.listed[-1].all()
    assert make_panel("daily", 100, 3, seed=4).digest() == make_panel("daily", 100, 3, seed=4).digest()
    assert np.isnan(rough.macro["wti"].at(rough.dates[:50])).all()


@pytest.mark.parametrize(("kind", "n_dates"), [("monthly", 900), ("daily", 5000)])
def test_planted_signal_shows_in_last_months_return(kind, n_dates):
    def slope(signal):
        panel = make_panel(kind, n_dates, 12, late=False, deaths=False, holes=False, signal=signal)
        past = build_matrix(panel, include=["return_1_z"]).column("return_1_z")[: -panel.month]
        ahead = build_matrix(panel, include=["return_1"]).column("return_1")[panel.month :]
        rows = slice(panel.month, None, panel.month)
        return np.corrcoef(past[rows].ravel(), (ahead[rows] - ahead[rows].mean(axis=1)[:, None]).ravel())[
            0, 1
        ]

    assert slope(0.5) > 0.2
    assert abs(slope(None)) < 0.06
