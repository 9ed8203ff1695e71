"""Membership as it was known: against a filter of all records at each date."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import IntegrityError, SourceError
from market.readers.membership.reading import UniverseFiles, load_membership
from market.readers.membership.records import Changes, Membership

DAYS = pd.date_range("2020-01-01", periods=40, freq="D")
NAMES = ("A", "B", "C")


def filter_records(changes, names, day, name):
    """Return the state by the record that begins last, of those known at a day; of one date the latest version."""
    known = [
        (at, known_at, member)
        for asset, at, known_at, member in zip(
            changes.asset, changes.at, changes.known_at, changes.member, strict=True
        )
        if names[asset] == name and known_at <= day
    ]
    return bool(max(known)[2]) if known else False


@st.composite
def records(draw):
    n = draw(st.integers(0, 12))
    day = st.integers(0, 39)
    at = np.array(draw(st.lists(day, min_size=n, max_size=n)), dtype=np.int64)
    late = np.array(draw(st.lists(st.integers(0, 15), min_size=n, max_size=n)), dtype=np.int64)
    asset = np.array(draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)), dtype=np.int64)
    member = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool)
    first = DAYS[0]
    return Changes(
        asset,
        pd.DatetimeIndex([first + pd.Timedelta(days=int(d)) for d in at], dtype="datetime64[us]"),
        pd.DatetimeIndex([first + pd.Timedelta(days=int(d)) for d in at + late], dtype="datetime64[us]"),
        member,
    )


@settings(max_examples=300, deadline=None)
@given(records(), st.permutations([*NAMES, "X"]))
def test_membership_equals_a_filter_of_all_records(changes, assets):
    seen = Membership("file", NAMES, changes, None).at(DAYS, assets)
    wanted = [[filter_records(changes, NAMES, day, name) for name in assets] for day in DAYS]
    np.testing.assert_array_equal(seen, wanted)


@settings(max_examples=200, deadline=None)
@given(records(), st.integers(0, 39))
def test_what_becomes_known_later_changes_nothing_before(changes, row):
    whole = Membership("file", NAMES, changes, None)
    early = whole.known_by(DAYS[row])
    np.testing.assert_array_equal(early.at(DAYS[: row + 1], NAMES), whole.at(DAYS[: row + 1], NAMES))


@st.composite
def intervals(draw):
    """Disjoint intervals of each asset, in any order of rows, some without an end."""
    rows = []
    for name in NAMES:
        edges = sorted(draw(st.sets(st.integers(0, 39), max_size=6)))
        for k in range(0, len(edges) - 1, 2):
            begin, end = edges[k], edges[k + 1]
            is_open = k + 2 >= len(edges) - 1 and draw(st.booleans())
            rows.append((name, begin, None if is_open else end, begin + draw(st.integers(0, 3))))
    return draw(st.permutations(rows))


@settings(max_examples=150, deadline=None)
@given(intervals(), st.booleans())
def test_intervals_from_a_file_hold_from_the_first_to_the_last_date(tmp_path_factory, rows, has_known):
    if not rows:
        return
    day = lambda d: "" if d is None else f"{DAYS[0] + pd.Timedelta(days=d):%Y-%m-%d}"  # noqa: E731
    path = tmp_path_factory.mktemp("u") / "u.csv"
    lines = ["asset,from,to" + (",known_at" if has_known else "")]
    lines += [
        ",".join([name, day(begin), day(end), *([day(known)] if has_known else [])])
        for name, begin, end, known in rows
    ]
    path.write_text("\n".join(lines) + "\n")
    seen = load_membership(UniverseFiles(path), NAMES)[0].at(DAYS, NAMES)
    for t in range(len(DAYS)):
        for n, name in enumerate(NAMES):
            inside = any(
                asset == name
                and (max(begin, known) if has_known else begin) <= t
                and (end is None or t <= end)
                for asset, begin, end, known in rows
            )
            assert seen[t, n] == inside, (name, t)


def read(tmp_path, text, assets=("A", "B"), delistings=None):
    path = tmp_path / "universe.csv"
    path.write_text(text)
    if delistings is not None:
        (tmp_path / "ends.csv").write_text(delistings)
        delistings = tmp_path / "ends.csv"
    return load_membership(UniverseFiles(path, delistings), assets)[0]


def test_flags_hold_until_the_next(tmp_path):
    text = "Date,Ticker,Member\n2020-01-05,A,1\n2020-01-10,A,0\n2020-01-20,A,TRUE\n2020-01-01,B,yes\n"
    seen = read(tmp_path, text).at(DAYS, ("A", "B"))
    wanted = [(4 <= t < 9) or t >= 19 for t in range(len(DAYS))]
    np.testing.assert_array_equal(seen[:, 0], wanted)
    assert seen[:, 1].all()


def test_an_end_in_the_year_9999_is_none(tmp_path):
    text = "symbol,start_date,end_date\nA,2020-01-05,9999-12-31\nB,2020-01-05,2020-01-06\n"
    seen = read(tmp_path, text).at(DAYS, ("A", "B"))
    assert seen[4:, 0].all()
    assert np.flatnonzero(seen[:, 1]).tolist() == [4, 5]


def test_an_announcement_before_it_begins_makes_no_member(tmp_path):
    text = "asset,from,to,known_at\nA,2020-01-10,,2020-01-02\n"
    assert np.flatnonzero(read(tmp_path, text).at(DAYS, ("A",))[:, 0])[0] == 9


@pytest.mark.parametrize(
    "text, error, message",
    [
        ("asset,from,to\nA,2020-01-05,2020-01-01\n", IntegrityError,
         "data row 1: membership of 'A' ends on 2020-01-01, before it begins on 2020-01-05"),
        ("asset,from,to\nA,2020-01-05,2020-02-01\nB,2020-01-01,\nA,2020-02-01,\n", IntegrityError,
         r"intervals of 'A' overlap: 2020-01-05 to 2020-02-01 \(data row 1\), and from 2020-02-01 on \(data row 3\)"),
        ("asset,from,to\nA,2020-01-05,\nA,2020-02-01,\n", IntegrityError, "overlap: 2020-01-05 to now"),
        ("asset,from,to\nA,,2020-02-01\n", IntegrityError, "column 'from', data row 1: no date"),
        ("asset,from,to\n,2020-01-01,2020-02-01\n", IntegrityError, "column 'asset', data row 1: no asset"),
        ("asset,from,to\nA,soon,2020-02-01\n", IntegrityError, "'soon' is not a date"),
        ("asset,from,to\n", SourceError, "no row below the header; expected columns asset, from and to"),
        ("asset,from\nA,2020-01-01\n", SourceError, "no column 'to'; expected columns asset, from and to"),
        ("asset,date\nA,2020-01-01\n", SourceError, "no column 'member'"),
        ("date,A,B\n2020-01-01,1,1\n", SourceError, "no column 'asset' and no column 'member'"),
        ("asset,date,member\nA,2020-01-01,maybe\n", IntegrityError, "data row 1: 'maybe' says neither"),
        ("asset,date,member\nA,2020-01-01,1\nA,2020-01-01,0\n", IntegrityError,
         "data row 2: 'A' has a second flag of 2020-01-01"),
        ("asset,from,to\nX,2020-01-01,\n", SourceError, "none of its assets .*'X'.* has prices"),
        ("asset,from,to\na,2020-01-01,\n", IntegrityError, "'a' differs from the asset 'A' only in capital"),
    ],
)  # fmt: skip
def test_an_impossible_universe_is_refused(tmp_path, text, error, message):
    with pytest.raises(error, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "text, error, message",
    [
        ("asset,date,return\nA,2020-01-05,-30\n", IntegrityError, "'A' is -30, expected a fraction .*percent"),
        ("asset,date,return\nA,2020-01-05,\n", IntegrityError, "'A' is nan, expected .* leave the row out"),
        ("asset,date,return\nA,2020-01-05,-0.3\nA,2020-01-09,-0.3\n", IntegrityError, "delisted a second time"),
        ("asset,date\nA,2020-01-05\n", SourceError, "no column 'return'; expected columns asset, date and return"),
        ("asset,date,return\nA,2020-01-05,bad\n", IntegrityError, "expected a number, found 'bad'"),
        ("asset,date,return\na,2020-01-05,-0.3\n", IntegrityError, "'a' differs from the asset 'A' only"),
    ],
)  # fmt: skip
def test_impossible_delistings_are_refused(tmp_path, text, error, message):
    with pytest.raises(error, match=message):
        read(tmp_path, "asset,from,to\nA,2020-01-01,\n", delistings=text)


def test_a_time_of_day_counts_from_the_next_day_on(tmp_path):
    text = "asset,date,member,known_at\nA,2020-01-06,1,2020-01-06 18:00\nB,2020-01-06,1,2020-01-06 00:00\n"
    (tmp_path / "u.csv").write_text(text)
    membership, findings = load_membership(UniverseFiles(tmp_path / "u.csv"), ("A", "B"))
    days = pd.DatetimeIndex(["2020-01-06", "2020-01-07"])
    assert membership.at(days, ("A", "B")).tolist() == [[False, True], [True, True]]
    assert any("'2020-01-06 18:00' may come after the close" in each.message for each in findings)


def test_a_gain_that_is_hardly_true_is_a_warning(tmp_path):
    universe, ends = tmp_path / "u.csv", tmp_path / "d.csv"
    universe.write_text("asset,from,to\nA,2020-01-01,\n")
    ends.write_text("asset,date,return\nA,2020-02-03,5\n")
    (warning,) = (
        each
        for each in load_membership(UniverseFiles(universe, ends), ("A",))[1]
        if each.check == "delisting return"
    )
    assert warning.severity == "warning"
    assert "data row 1: delisting return of 'A' is 5, a gain of 500%: is it in percent" in warning.message
    ends.write_text("asset,date,return\nA,2020-02-03,45.5\n")
    with pytest.raises(
        IntegrityError, match=r"is 45\.5, a gain of 4550%; expected a fraction: is it in percent"
    ):
        load_membership(UniverseFiles(universe, ends), ("A",))
