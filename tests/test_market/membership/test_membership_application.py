"""A panel in which members alone can be held, and delisting returns are earned once."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import make_panel

from market.counterfactual import replace_future
from market.errors import IntegrityError
from market.load import load_panel
from market.readers.membership.application import apply_membership
from market.readers.membership.reading import UniverseFiles
from market.readers.membership.records import Changes, Delistings, Membership
from validation.folds.labels import forward_excess_returns

N = 30
DATES = pd.bdate_range("2020-01-01", periods=N)


def always(names, dates=DATES):
    n = len(names)
    first = pd.DatetimeIndex([dates[0]] * n)
    return Changes(np.arange(n), first, first, np.ones(n, dtype=bool))


def members(names, delistings=None, changes=None):
    return Membership("universe.csv", tuple(names), changes or always(names), delistings)


def ends(*records):
    asset, at, value = zip(*records, strict=True)
    return Delistings(np.array(asset), pd.DatetimeIndex([DATES[t] for t in at]), np.array(value))


@pytest.fixture
def panel():
    """Three assets; B has its last price in row 14."""
    whole = make_panel("daily", N, 3, late=False, deaths=False, holes=False, macro=False, bars=False)
    returns = whole.returns.copy()
    returns[15:, 1] = np.nan
    return replace(whole, dates=DATES, assets=("A", "B", "C"), returns=returns, volume=None)


@pytest.mark.parametrize("day, row", [(13, 15), (14, 15), (15, 15), (20, 20)])
def test_a_delisting_return_is_earned_once_in_the_first_row_without_a_price(panel, day, row):
    applied, findings = apply_membership(panel, members("ABC", ends((1, day, -0.4))), mean_market=False)
    wanted = panel.returns.copy()
    wanted[row, 1] = -0.4
    np.testing.assert_array_equal(applied.returns, wanted)
    assert applied.delisted[:, 1].tolist() == [t >= row for t in range(N)]
    assert not applied.delisted[:, [0, 2]].any()
    assert applied.member[:row, 1].all()
    assert not applied.member[row:, 1].any()
    # Whoever ends with a payment is not waiting for a market to open.
    assert not applied.closed[row:, 1].any()
    assert applied.closed[15:row, 1].all() or row - 15 > 10
    assert [f.message for f in findings if f.check == "delistings"] == [
        "universe.csv: 1 delisting return earned, of 1 in the file"
    ]


@pytest.mark.parametrize("horizon, lag", [(1, 0), (5, 0), (3, 1)])
def test_labels_include_the_delisting_return(panel, horizon, lag):
    applied, _ = apply_membership(panel, members("ABC", ends((1, 15, -0.4))), mean_market=False)
    labels = forward_excess_returns(applied, horizon, lag)
    for t in range(N - lag - horizon):
        span = range(t + lag + 1, t + lag + horizon + 1)
        earned = [applied.returns[s, 1] for s in span if np.isfinite(applied.returns[s, 1])]
        if t <= 14 and earned:
            wanted = np.prod([1 + r for r in earned]) - np.prod([1 + applied.cash[s] for s in span])
            assert labels.value[t, 1] == pytest.approx(wanted)
        else:
            assert np.isnan(labels.value[t, 1])
    assert labels.value[14 - lag, 1] < -0.3


def test_labels_are_of_members(panel):
    out = Changes(
        np.array([0, 1, 2, 0]),
        pd.DatetimeIndex([DATES[0], DATES[0], DATES[4], DATES[20]]),
        pd.DatetimeIndex([DATES[0], DATES[0], DATES[6], DATES[20]]),
        np.array([True, True, True, False]),
    )
    applied, findings = apply_membership(panel, members("ABC", None, out), mean_market=False)
    labels = np.isfinite(forward_excess_returns(applied, 1, 0).value)
    assert np.flatnonzero(labels[:, 0]).tolist() == list(range(20))
    assert np.flatnonzero(labels[:, 2]).tolist() == list(range(6, N - 1))
    late = [f.message for f in findings if f.check == "membership known late"]
    assert late == [
        "universe.csv: 1 membership became known after it began and counts from then on; the first is that of 'C'"
        f" from {DATES[4]:%Y-%m-%d}, known at {DATES[6]:%Y-%m-%d}"
    ]


def test_prices_after_a_delisting_are_left_out_with_a_warning(panel):
    returns = panel.returns.copy()
    returns[18:20, 1] = 0.5
    applied, findings = apply_membership(
        replace(panel, returns=returns), members("ABC", ends((1, 15, -0.4))), mean_market=False
    )
    assert np.isnan(applied.returns[16:, 1]).all()
    (warning,) = [f for f in findings if f.severity == "warning"]
    assert "has a price on 2020-01-27: 2 returns after the delisting left out" in warning.message


def test_a_delisting_outside_of_the_data_changes_nothing(panel):
    for record in ((1, 29, -0.4), (0, 29, -0.4), (0, 10, -0.4)):
        applied, _ = apply_membership(panel, members("ABC", ends(record)), mean_market=False)
        if record[0] == 0:  # it has prices to the end
            np.testing.assert_array_equal(applied.returns, panel.returns)
            assert not applied.delisted.any()
    nobody = replace(panel, returns=np.where(np.arange(3) == 1, np.nan, panel.returns))
    applied, _ = apply_membership(nobody, members("ABC", ends((1, 5, -0.4))), mean_market=False)
    assert not applied.delisted.any()


def test_the_market_is_what_members_earn(panel):
    changes = Changes(
        np.array([0, 1, 2, 0]),
        pd.DatetimeIndex([DATES[3], DATES[0], DATES[10], DATES[20]]),
        pd.DatetimeIndex([DATES[3], DATES[0], DATES[10], DATES[20]]),
        np.array([True, True, True, False]),
    )
    applied, _ = apply_membership(panel, members("ABC", ends((1, 15, -0.4)), changes), mean_market=True)
    for t in range(1, N):
        who = [0] * (3 <= t - 1 < 20) + [1] * (t <= 15) + [2] * (t - 1 >= 10)
        assert applied.market[t] == pytest.approx(np.mean(applied.returns[t, who])), t


def test_who_is_missing_is_named(panel):
    names = ("A", "B", "X", "Y")
    _, findings = apply_membership(panel, members(names), mean_market=False)
    text = {f.check: f.message for f in findings}
    assert (
        "2 of 4 assets have no prices (X, Y): if they are those that failed"
        in text["universe without prices"]
    )
    assert "1 asset with prices are not in it and are never held (C)" in text["never a member"]


def test_the_note_on_survivors_needs_delisting_returns_to_go(panel):
    without, _ = apply_membership(panel, members("ABC"), mean_market=False)
    assert any("without delisting returns" in note for note in without.notes)
    given_, _ = apply_membership(panel, members("ABC", ends((1, 15, -0.4))), mean_market=False)
    assert given_.notes == panel.notes


def test_the_digest_covers_the_universe(panel):
    one, _ = apply_membership(panel, members("ABC"), mean_market=False)
    changes = replace(always("ABC"), member=np.array([True, True, False]))
    two, _ = apply_membership(panel, members("ABC", None, changes), mean_market=False)
    assert len({panel.digest(), one.digest(), two.digest()}) == 3
    assert one.as_of(DATES[9]).member.shape == (10, 3)


def test_impossible_flags_are_refused(panel):
    flags = np.ones(panel.returns.shape, dtype=bool)
    with pytest.raises(IntegrityError, match="member and delisted come together"):
        replace(panel, member=flags)
    with pytest.raises(IntegrityError, match="member has shape"):
        replace(panel, member=flags[1:], delisted=flags)


def test_another_future_leaves_the_universe_before_it(panel):
    applied, _ = apply_membership(panel, members("ABC", ends((1, 15, -0.4))), mean_market=False)
    other = replace_future(applied, 12)
    np.testing.assert_array_equal(other.member[:13], applied.member[:13])
    assert (other.member[13:] != applied.member[13:]).any()
    assert replace_future(applied, 20).delisted[21:, 1].all()
    # Panels without a universe get the noise that they got before there were universes.
    assert replace_future(panel, 12).member is None
    np.testing.assert_array_equal(replace_future(panel, 12).returns, other.returns)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 28))
def test_an_early_reading_is_the_beginning_of_the_whole(tmp_path_factory, seed, row):
    """Prices, memberships with announcements and delistings, all read as of a date, against the whole cut there."""
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("u")
    levels = 100 * np.cumprod(1 + rng.normal(0, 0.02, (N, 4)), axis=0)
    for n in range(4):
        levels[: rng.integers(0, 4), n] = np.nan
        levels[rng.integers(N // 2, 2 * N) :, n] = np.nan
    levels[:, 0] = 100 * np.cumprod(1 + rng.normal(0, 0.02, N))
    names = list("ABCD")
    pd.DataFrame(levels, DATES, names).rename_axis("date").to_csv(folder / "prices.csv")
    day = lambda t: f"{DATES[0] + pd.Timedelta(days=int(t)):%Y-%m-%d}"  # noqa: E731
    lines, gone = ["asset,from,to,known_at", "A,2019-01-01,,"], ["asset,date,return"]
    for name in names:
        begin = rng.integers(0, 20)
        if name != "A":
            lines.append(
                f"{name},{day(begin)},{day(begin + rng.integers(3, 30))},{day(begin + rng.integers(-3, 9))}"
            )
        gone.append(f"{name},{day(rng.integers(0, 60))},{rng.uniform(-1, 0.5):.3f}")
    (folder / "universe.csv").write_text("\n".join(lines) + "\n")
    (folder / "gone.csv").write_text("\n".join(gone) + "\n")
    universe = UniverseFiles(folder / "universe.csv", folder / "gone.csv")
    read = lambda known_by: load_panel(  # noqa: E731
        "prices", path=folder / "prices.csv", known_by=known_by, universe=universe
    )[0]
    early, whole = read(DATES[row]), read(None).as_of(DATES[row])
    columns = [whole.assets.index(name) for name in early.assets]
    rest = [n for n in range(len(whole.assets)) if n not in columns]
    np.testing.assert_array_equal(early.returns, whole.returns[:, columns])
    np.testing.assert_array_equal(early.member, whole.member[:, columns])
    np.testing.assert_array_equal(early.delisted, whole.delisted[:, columns])
    np.testing.assert_array_equal(early.market, whole.market)
    assert not whole.member[:, rest].any()


def test_members_that_end_without_a_delisting_return_are_named(panel):
    elsewhere = ends((0, 29, -0.4))
    findings = apply_membership(panel, members("ABC", elsewhere), mean_market=False)[1]
    text = next(f.message for f in findings if f.check == "no delisting return")
    assert "1 member ended without a delisting return (B)" in text
    for case in (
        members("ABC", ends((1, 15, -0.4))),  # it has one
        members(
            "ABC", elsewhere, replace(always("ABC"), member=np.array([True, False, True]))
        ),  # was no member
        members("ABC"),  # nobody has one, which a note says
    ):
        assert not [
            f for f in apply_membership(panel, case, mean_market=False)[1] if f.check == "no delisting return"
        ]
    early = panel.select_rows(slice(20))  # it may only be closed
    assert not [
        f
        for f in apply_membership(early, members("ABC", elsewhere), mean_market=False)[1]
        if f.check == "no delisting return"
    ]
