"""Sources of an active return: they add up, whatever the chain, and literal numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.active.record import ActiveRecord
from backtest.active.sources import (
    GROSS,
    NET,
    SAME_RISK,
    SOURCES,
    fair_size,
    implied_breadth,
    split_active,
    summarise_links,
    summarise_sources,
)
from validation.forecasts.scores import hac_mean

CHAIN = ("unlimited", "same_risk", "limits", "traded")
OF_STRATEGY = ("unlimited", "same_risk", "limits", "allocator", "traded")


def record(gross, cost, links=CHAIN, n_decisions=None):
    gross, cost = np.asarray(gross, dtype=float), np.asarray(cost, dtype=float)
    n, n_decisions = len(gross), len(gross) if n_decisions is None else n_decisions
    rows = np.arange(10, 10 + n)
    one = np.full((n_decisions, 1), 0.5)
    return ActiveRecord(
        ("model:a",), links, rows[:n_decisions] - 1, rows[:n_decisions], np.full(n_decisions, 4), one, one, one,
        one[:, 0], np.full((n_decisions, len(links)), 0.02), rows, gross, cost,
    )  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 40), strategy=st.booleans())
def test_sources_add_up_in_every_row_and_on_average(seed, n, strategy):
    rng = np.random.default_rng(seed)
    links = OF_STRATEGY if strategy else CHAIN
    gross, cost = rng.normal(0, 0.03, (n, len(links))), rng.uniform(0, 0.01, n)
    found = split_active(record(gross, cost, links))
    parts = [found[name] for name in SOURCES if name in found]
    assert len(parts) == len(links)
    assert np.sum(parts, axis=0) == pytest.approx(gross[:, -1], abs=1e-15)
    assert found[GROSS] + found["cost"] == pytest.approx(found[NET], abs=1e-15)
    assert found["unlimited"] + found["size"] == pytest.approx(found[SAME_RISK], abs=1e-15)
    if n:
        means = summarise_sources(record(gross, cost, links), 12)
        total = sum(means[name]["mean"] for name in SOURCES if name in means)
        assert total == pytest.approx(means[GROSS]["mean"], abs=1e-13)


def test_literal_sources():
    found = split_active(record([[0.05, 0.03, 0.02, 0.025, 0.01]], [0.002], OF_STRATEGY))
    assert {name: values[0] for name, values in found.items()} == pytest.approx(
        {
            "unlimited": 0.05, "size": -0.02, "limits": -0.01, "trading": 0.005, "strategy": -0.015,
            "gross": 0.01, "cost": -0.002, "net": 0.008, "same_risk": 0.03,
        }
    )  # fmt: skip


def test_each_source_has_its_own_hac_error():
    rng = np.random.default_rng(5)
    gross, cost = rng.normal(0.001, 0.03, (200, 4)), rng.uniform(0, 0.001, 200)
    found = summarise_sources(record(gross, cost), 12)
    test = hac_mean(gross[:, 2] - gross[:, 1])
    assert found["limits"] == pytest.approx(
        {"mean": 12 * test.mean, "stderr": 12 * test.stderr, "t": test.t}, rel=1e-12
    )


def test_links_are_annual():
    rng = np.random.default_rng(6)
    gross = rng.normal(0.001, 0.03, (300, 4))
    found = summarise_links(record(gross, np.zeros(300)), 252, 21)
    own = gross[:, 3]
    assert found["traded"]["active_return"] == pytest.approx(252 * own.mean())
    assert found["traded"]["active_risk"] == pytest.approx(np.sqrt(252) * own.std(ddof=1))
    assert found["traded"]["information_ratio"] == pytest.approx(np.sqrt(252) * own.mean() / own.std(ddof=1))
    assert found["traded"]["expected_active_risk"] == pytest.approx(0.02 * np.sqrt(12))


def test_the_fundamental_law_is_inverted():
    """12 independent bets a month with a correlation of 0.05: IR = 0.05 sqrt(144) a year."""
    assert implied_breadth(0.05 * np.sqrt(144), 0.05) == pytest.approx(144)
    for bad in ((-0.1, 0.05), (0.5, 0.0), (0.5, -0.1), (np.nan, 0.1), (0.5, np.nan)):
        assert np.isnan(implied_breadth(*bad))


def test_implied_breadth_is_the_number_of_bets_that_were_made():
    """Independent assets of one variance: the best unlimited portfolio has IC sqrt(N), Grinold (1989)."""
    rng = np.random.default_rng(7)
    n_dates, n, ic = 20_000, 10, 0.1
    alpha = rng.normal(size=(n_dates, n))
    outcome = ic * alpha + np.sqrt(1 - ic**2) * rng.normal(size=(n_dates, n))
    gained = (alpha / np.linalg.norm(alpha, axis=1, keepdims=True) * outcome).sum(axis=1)
    assert implied_breadth(gained.mean() / gained.std(), ic) == pytest.approx(n, rel=0.15)


def test_the_fair_size_maximises_the_utility_of_the_past():
    rng = np.random.default_rng(8)
    active, gamma = rng.normal(0.002, 0.03, 500), 5.0
    sizes = np.linspace(0, 2, 4001)
    utility = [s * active.mean() - gamma / 2 * s**2 * active.var(ddof=1) for s in sizes]
    assert fair_size(active, gamma) == pytest.approx(sizes[int(np.argmax(utility))], abs=1e-3)
    assert np.isnan(fair_size(np.zeros(10), gamma))
    assert np.isnan(fair_size(np.zeros(0), gamma))


def test_a_later_part_of_the_record_holds_its_own_rows_only():
    whole = record(np.arange(40.0).reshape(10, 4), np.arange(10.0))
    part = whole.since(14)
    assert part.positions.tolist() == list(range(14, 20))
    assert part.first.tolist() == list(range(14, 20))
    assert np.array_equal(part.gross, whole.gross[4:])
    assert np.array_equal(part.expected, whole.expected[4:])
    assert len(part.n_assets) == len(part.decisions) == len(part.risk) == len(part.potential) == 6
    nothing = whole.since(99)
    assert not len(nothing.positions)
    assert np.isnan(summarise_sources(nothing, 12)[GROSS]["mean"])
