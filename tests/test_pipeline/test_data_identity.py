"""Data identity: the same data is recognised whatever it is called, and other data is not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import make_panel

from pipeline.chains.data_identity import CELLS, same_data, sketch


@pytest.fixture(scope="module")
def whole():
    return make_panel("monthly", n_dates=300, n_assets=20, seed=1, macro=False)


def of_assets(panel, kept):
    return replace(
        panel,
        assets=tuple(panel.assets[i] for i in kept),
        returns=panel.returns[:, kept],
        volume=None,
        **dict.fromkeys(panel.bars),
    )


def exact_share(one, other):
    """Return what sketches estimate: the share of the smaller panel's cells that is in the other, by brute force."""
    cells = []
    for panel in (one, other):
        r = np.rint(1e4 * panel.returns)
        cells.append(
            {
                (panel.dates[t], r[t - 1, i], r[t, i])
                for t in range(1, len(panel.dates))
                for i in range(len(panel.assets))
                if np.isfinite(r[t - 1 : t + 1, i]).all() and r[t - 1 : t + 1, i].any()
            }
        )
    return len(cells[0] & cells[1]) / min(map(len, cells))


def test_names_and_order_have_no_part_in_it(whole):
    order = np.random.default_rng(0).permutation(len(whole.assets))
    other = of_assets(whole, order)
    other = replace(
        other, name="other", assets=tuple(f"X{i}" for i in range(len(order))), cash=whole.cash + 1
    )
    assert sketch(other) == sketch(whole)
    assert len(sketch(whole)) <= 480


@pytest.mark.parametrize(
    "part",
    [
        lambda p: p.select_rows(slice(0, 200)),
        lambda p: p.select_rows(slice(250, None)),
        lambda p: of_assets(p, list(range(19))),
        lambda p: of_assets(p, [3, 7, 11]),
        lambda p: of_assets(p, [2, 4, 9, 15]).select_rows(slice(100, 250)),
        lambda p: replace(p, returns=p.returns + 1e-9),
    ],
    ids=["first dates", "last dates", "one asset less", "three assets", "some of both", "rounding"],
)
def test_more_or_less_of_it_is_the_same_data(whole, part):
    """A longer history, a smaller universe, another start: whichever was tried first."""
    some = part(whole)
    assert exact_share(some, whole) > 0.99
    assert same_data(sketch(some), sketch(whole))
    assert same_data(sketch(whole), sketch(some))


def test_other_data_is_not_the_same(whole):
    other = make_panel("monthly", n_dates=300, n_assets=20, seed=2, macro=False)
    shifted = replace(whole, dates=whole.dates + pd.offsets.MonthEnd(1))
    for each in (other, shifted, replace(whole, returns=whole.returns * 1.5)):
        assert not same_data(sketch(each), sketch(whole))
    halves = whole.select_rows(slice(0, 150)), whole.select_rows(slice(150, None))
    assert not same_data(*map(sketch, halves)), "no date in common"


def test_returns_to_the_basis_point_do_not_meet_by_chance():
    """Two hundred assets and daily returns with two decimals in per cent: single returns coincide, pairs do not."""
    rng = np.random.default_rng(0)
    base = make_panel("monthly", n_dates=500, n_assets=200, seed=3, macro=False, late=False, deaths=False)
    one, other = (replace(base, returns=np.round(0.01 * rng.normal(size=(500, 200)), 4)) for _ in range(2))
    assert not same_data(sketch(one), sketch(other))


def test_half_of_the_smaller_one_is_where_it_turns(whole):
    other = make_panel("monthly", n_dates=300, n_assets=20, seed=2, macro=False)
    for kept, same in ((4, False), (16, True)):
        mixed = replace(
            whole,
            returns=np.column_stack([whole.returns[:, :kept], other.returns[:, : len(whole.assets) - kept]]),
        )
        assert same_data(sketch(whole), sketch(mixed)) == same == (exact_share(whole, mixed) >= 0.5)


def test_a_small_part_of_much_is_nearly_always_recognised():
    found, rng = [], np.random.default_rng(1)
    base = make_panel("monthly", n_dates=200, n_assets=100, seed=4, macro=False, late=False, deaths=False)
    for _ in range(60):
        much = replace(base, returns=rng.normal(0, 0.05, (200, 100)))
        found.append(same_data(sketch(of_assets(much, list(range(5)))), sketch(much)))
    assert np.mean(found) >= 0.95, "0.95^96 is 0.7 %"
    assert CELLS == 96


def test_what_has_no_returns_to_compare_is_no_data(whole):
    still = replace(whole, returns=np.zeros_like(whole.returns))
    assert sketch(still) == ""
    assert not same_data("", "")
    assert not same_data(sketch(still), sketch(whole))
    assert sketch(whole.select_rows(slice(0, 1))) == ""
