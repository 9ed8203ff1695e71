"""Scores: a score is known from its known_at on, and no sooner."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import make_panel

from market.counterfactual import replace_future
from market.errors import IntegrityError, SourceError
from market.readers.scores import load_scores
from market.scores import ScoreTable

ASSETS = ("A", "B", "C")
DAYS = pd.DatetimeIndex(["2020-01-31", "2020-06-30", "2021-03-31", "2021-12-31", "2023-12-31"])


def write(path, text):
    path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
    return path


@pytest.fixture
def long(tmp_path):
    return write(
        tmp_path / "scores.csv",
        """date,asset,score,known_at
        2019-12-31,A,5.0,2020-06-30
        2019-12-31,A,6.0,2021-01-15
        2020-12-31,A,7.0,2021-04-01
        2019-12-31,B,1.0,2020-03-01
        2018-12-31,B,9.0,2021-01-01
        2019-12-31,Z,1.0,2020-03-01
        2020-12-31,B,,2021-03-01""",
    )


def by_hand(table, dates):
    """The newest known record of each asset, a loop over all of them."""
    out = np.full((len(dates), len(table.assets)), np.nan)
    for t, date in enumerate(dates):
        for i in range(len(table.assets)):
            best = None
            for r in range(len(table.value)):
                if table.asset[r] == i and table.known_at[r] <= date:
                    key = (table.observed_at[r], table.known_at[r])
                    if best is None or key > best[0]:
                        best = (key, table.value[r])
            if best is not None and (date - best[0][0]).days <= table.max_age_days:
                out[t, i] = best[1]
    return out


def test_a_score_counts_from_when_it_was_known_until_it_is_too_old(long):
    table, _ = load_scores(long, ASSETS, max_age_days=800)
    nan = np.nan
    expected = [[nan, nan, nan], [5, 1, nan], [6, 1, nan], [7, 1, nan], [nan, nan, nan]]
    np.testing.assert_array_equal(table.at(DAYS), expected)
    np.testing.assert_array_equal(by_hand(table, DAYS), expected)


def test_random_tables_are_read_like_by_hand(tmp_path):
    rng = np.random.default_rng(0)
    about = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 1500, 60), unit="D")
    known = about + pd.to_timedelta(rng.integers(0, 500, 60), unit="D")
    frame = pd.DataFrame(
        {"date": about, "asset": rng.choice(list("ABC"), 60), "score": rng.normal(size=60), "known_at": known}
    )
    path = tmp_path / "scores.parquet"
    frame.to_parquet(path)
    table, _ = load_scores(path, ASSETS, max_age_days=400)
    dates = pd.date_range("2014-12-01", periods=90, freq="25D")
    np.testing.assert_array_equal(table.at(dates), by_hand(table, dates))


@pytest.mark.parametrize("cut", DAYS)
def test_what_was_known_later_changes_nothing(long, cut):
    table, _ = load_scores(long, ASSETS, max_age_days=800)
    earlier = DAYS[cut >= DAYS]
    np.testing.assert_array_equal(table.known_by(cut).at(earlier), table.at(earlier))


def test_wide_and_long_are_the_same_table(tmp_path):
    wide = write(tmp_path / "wide.csv", "date,A,B,other\n2019-12-31,5,1,3\n2020-12-31,7,,3")
    long = write(tmp_path / "long.csv", "Date,Ticker,ESG\n2019-12-31,A,5\n2019-12-31,B,1\n2020-12-31,A,7")
    found = [load_scores(path, ASSETS, max_age_days=800, lag_days=90)[0].at(DAYS) for path in (wide, long)]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0][:3], [[np.nan] * 3, [5, 1, np.nan], [7, 1, np.nan]])


@pytest.mark.parametrize(
    ("text", "given", "error", "message"),
    [
        ("date,asset,score\n2020-01-31,A,1", {}, SourceError, "when was a score known.*and not neither"),
        ("date,asset,score,known_at\n2020-01-31,A,1,2020-03-01", {"lag_days": 9}, SourceError, "not both"),
        ("date,asset,rank\n2020-01-31,A,1", {"lag_days": 9}, SourceError, "no column of scores.*'rank'"),
        ("when,asset,score\n2020-01-31,A,1", {"lag_days": 9}, SourceError, "no date column 'date'"),
        ("date,X,Y\n2020-01-31,1,1", {"lag_days": 9}, SourceError, "neither a column 'asset' nor one named"),
        ("date,asset,score\n2020-01-31,X,1", {"lag_days": 9}, SourceError, "no score of any.*found 'X'"),
        ("date,asset,score\n2020-01-31,A,good", {"lag_days": 9}, IntegrityError, "expected a number.*'good'"),
        ("date,asset,score\n2020-01-31,A,1\n2020-01-31,A,2", {"lag_days": 9}, IntegrityError, "appears twice"),
        (
            "date,asset,score,known_at\n2020-01-31,A,1,2020-01-01", {}, IntegrityError,
            "score of 'A' of 2020-01-31 was known before its date",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_named(tmp_path, text, given, error, message):
    with pytest.raises(error, match=message):
        load_scores(write(tmp_path / "s.csv", text), ASSETS, max_age_days=400, **given)


def scored_panel():
    """A panel with 60 scores, known up to a year after their dates."""
    panel = make_panel(n_dates=60, n_assets=4, seed=0, macro=False, bars=False)
    rng = np.random.default_rng(1)
    row, asset = np.divmod(rng.choice(200, 60, replace=False), 4)
    about = panel.dates[row]
    known = about + pd.to_timedelta(rng.integers(0, 360, 60), unit="D")
    table = ScoreTable("t", panel.assets, asset, about, known, rng.uniform(0, 9, 60), 700)
    return replace(panel, scores=table)


def test_a_panel_keeps_of_its_scores_what_was_known():
    panel = scored_panel()
    date = panel.dates[30]
    past = panel.as_of(date).scores
    assert 0 < len(past.value) < 60
    assert (past.known_at <= date).all()
    np.testing.assert_array_equal(past.at(panel.dates[:31]), panel.scores.at(panel.dates[:31]))


def test_another_future_has_other_scores_and_the_same_past():
    panel = scored_panel()
    other = replace_future(panel, 30, seed=2)
    later = panel.scores.known_at > panel.dates[30]
    assert (other.scores.value[~later] == panel.scores.value[~later]).all()
    assert (other.scores.value[later] != panel.scores.value[later]).all()


def test_scores_are_part_of_the_data():
    panel = scored_panel()
    revised = replace(panel.scores, value=panel.scores.value + 1e-9)
    later = replace(panel.scores, known_at=panel.scores.known_at + pd.Timedelta(days=1))
    digests = {replace(panel, scores=table).digest() for table in (None, panel.scores, revised, later)}
    assert len(digests) == 4


def test_scores_of_other_assets_are_refused():
    panel = scored_panel()
    with pytest.raises(IntegrityError, match="the scores are of other assets"):
        replace(panel, scores=replace(panel.scores, assets=("a", "b", "c", "d")))
