"""Values as of a date equal those of a brute-force filter of the rows that were known then."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.as_of.asset_tables import AssetTable
from market.as_of.expressions import parse_statistic, parse_transform
from market.errors import IntegrityError
from market.macro import MacroSeries

TRANSFORMS = (
    "level",
    "change_1",
    "change_3",
    "growth_2",
    "log",
    "log_change_1",
    "log_change_12",
    "second_change",
    "second_log_change",
    "growth_change",
)
STATISTICS = ("level", "change_1", "change_6", "zscore_12", "zscore_36", "surprise", "age", "chain")


@st.composite
def vintages(draw):
    """Rows of a monthly or an irregular series, revised at random, some of them out of order."""
    monthly = draw(st.booleans())
    seed = draw(st.integers(0, 2**20))
    n = draw(st.integers(1, 60))
    rng = np.random.default_rng(seed)
    if monthly:
        observed = pd.date_range("2000-01-31", periods=n, freq="ME")
    else:
        observed = pd.Timestamp("2000-01-05") + pd.to_timedelta(np.cumsum(rng.integers(1, 40, n)), unit="D")
    kept = observed[rng.uniform(size=n) < 0.9]
    rows = [
        (about, about + pd.Timedelta(days=int(days)), float(np.exp(rng.normal())))
        for about in kept
        for days in np.unique(rng.integers(0, draw(st.sampled_from([5, 60, 400])), rng.integers(1, 5)))
    ]
    frame = pd.DataFrame(rows, columns=["observed", "known", "value"])
    frame = frame.astype({"observed": "datetime64[us]", "known": "datetime64[us]", "value": float})
    return monthly, frame.sort_values(["known", "observed"], ignore_index=True)


def snapshot(frame, date):
    """Return the newest vintage of each period that was known at a date."""
    known = frame[frame["known"] <= date]
    return known.groupby("observed")["value"].last()


def transformed(values, name, monthly):
    """Return a transform of a snapshot, from pandas' shifts over all months or over all observations."""
    if monthly and len(values):
        values = values.reindex(pd.date_range(values.index[0], values.index[-1], freq="ME"))
    counted = re.fullmatch(r"(change|growth|log_change)_(\d+)", name)
    with np.errstate(all="ignore"):
        if counted:
            earlier = values.shift(int(counted[2]))
            return {
                "change": values - earlier,
                "growth": values / earlier - 1,
                "log_change": np.log(values) - np.log(earlier),
            }[counted[1]]
        return {
            "level": lambda: values,
            "log": lambda: np.log(values),
            "second_change": lambda: values.diff().diff(),
            "second_log_change": lambda: np.log(values).diff().diff(),
            "growth_change": lambda: (values / values.shift(1) - 1).diff(),
        }[name]()


def expected(frame, date, transform, statistic, monthly, most):
    """Return a statistic at a date from the rows that were known then, in the slowest way."""
    raw = snapshot(frame, date)
    if raw.empty:
        return np.nan
    newest, values = raw.index[-1], transformed(raw, transform, monthly)
    age = (date - newest).days
    stem, _, months = statistic.rpartition("_")
    if statistic == "age" or age > most:
        return float(age) if statistic == "age" else np.nan
    if statistic in ("surprise", "chain"):
        return {"surprise": surprise, "chain": chain}[statistic](frame, date, transform, monthly)
    if stem == "change":
        return change(raw, values, int(months), monthly)
    return values[newest] if statistic == "level" else zscore(values, newest, int(months), monthly)


def change(raw, values, months, monthly):
    newest = raw.index[-1]
    if monthly:
        return values.diff(months)[newest]
    span = round(30.4375 * months)
    before = raw[raw.index <= newest - pd.Timedelta(days=span)]
    if before.empty or (newest - before.index[-1]).days > span + max(span // 2, 10):
        return np.nan
    return values[newest] - values[before.index[-1]]


def zscore(values, newest, months, monthly):
    if monthly:
        window = values.iloc[-months:]
        few = window.count() < max(4, months / 2)
    else:
        span = round(30.4375 * months)
        window = values[values.index > newest - pd.Timedelta(days=span)].dropna()
        few = len(window) < 8 or 2 * (newest - window.index[0]).days < span
    if few or not window.std() > 1e-12 * abs(window.mean()):
        return np.nan
    return (values[newest] - window.mean()) / window.std()


def surprise(frame, date, transform, monthly):
    last = np.nan
    for known in sorted(frame.loc[frame["known"] <= date, "known"].unique()):
        before = snapshot(frame, pd.Timestamp(known) - pd.Timedelta(days=1))
        again = set(frame.loc[frame["known"] == known, "observed"]) & set(before.index)
        if again:
            about, now = max(again), snapshot(frame, known)
            last = (
                transformed(now, transform, monthly)[about] - transformed(before, transform, monthly)[about]
            )
    return last


def chain(frame, date, transform, monthly):
    total, linked = 0.0, None
    for known in sorted(frame.loc[frame["known"] <= date, "known"].unique()):
        values = transformed(snapshot(frame, known), transform, monthly)
        newest = values.index[-1]
        if (linked is None or newest > linked) and np.isfinite(values[newest]):
            step = values[newest] - values.get(linked, np.nan) if linked is not None else 0.0
            total, linked = total + (step if np.isfinite(step) else 0.0), newest
    return total if linked is not None else np.nan


@settings(max_examples=60, deadline=None)
@given(vintages(), st.sampled_from(TRANSFORMS), st.sampled_from(STATISTICS), st.sampled_from([20, 90, 4000]))
def test_a_series_as_of_a_date_equals_a_filter_of_its_rows(drawn, transform, statistic, most):
    monthly, frame = drawn
    series = MacroSeries(
        "x",
        frame["value"].to_numpy(),
        pd.DatetimeIndex(frame["observed"]),
        pd.DatetimeIndex(frame["known"]),
        most,
        transform,
        1 if monthly else 0,
    )
    dates = pd.date_range("2000-01-01", "2006-12-31", freq="37D")
    actual = series.at(dates, statistic)
    wanted = [expected(frame, date, transform, statistic, monthly, most) for date in dates]
    np.testing.assert_allclose(actual, wanted, rtol=1e-8, atol=1e-10)
    # What is known later changes nothing.
    np.testing.assert_array_equal(series.known_by(dates[20]).at(dates[:21], statistic), actual[:21])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(vintages().map(lambda drawn: drawn[1]), min_size=1, max_size=4),
    st.sampled_from(["level", "log_change_1"]),
    st.sampled_from(["level", "age", "zscore_12", "change_6"]),
)
def test_a_table_as_of_a_date_equals_a_filter_of_its_rows(frames, transform, statistic):
    table = make_table(frames, transform)
    dates = pd.date_range("2000-01-01", "2006-12-31", freq="61D")
    actual = table.at(dates, statistic)
    for i, frame in enumerate(frames):
        wanted = [expected(frame, date, transform, statistic, False, 120) for date in dates]
        np.testing.assert_allclose(actual[:, i], wanted, rtol=1e-8, atol=1e-10)
    some = np.arange(len(frames))[::-1]
    np.testing.assert_array_equal(table.select_assets(some).at(dates, statistic), actual[:, some])
    np.testing.assert_array_equal(table.known_by(dates[9]).at(dates[:10], statistic), actual[:10])


def make_table(frames, transform="level", most=120):
    whole = pd.concat([frame.assign(asset=i) for i, frame in enumerate(frames)])
    whole = whole.sort_values(["known", "observed", "asset"])
    return AssetTable(
        "t",
        tuple(f"a{i}" for i in range(len(frames))),
        whole["asset"].to_numpy(),
        pd.DatetimeIndex(whole["observed"]),
        pd.DatetimeIndex(whole["known"]),
        whole["value"].to_numpy(),
        most,
        transform,
    )


def one(observed, known, values, **more):
    return MacroSeries(
        "x", np.array(values), pd.DatetimeIndex(observed), pd.DatetimeIndex(known), 400, **more
    )


def test_growth_is_that_of_one_vintage():
    # The index is rebased from 100 to 1: growth of new over old values would be -99 %.
    observed = ["2020-01-31", "2020-02-29", "2020-01-31", "2020-02-29", "2020-03-31"]
    known = ["2020-02-10", "2020-03-10", "2020-04-10", "2020-04-10", "2020-04-10"]
    series = one(observed, known, [100.0, 102.0, 1.0, 1.02, 1.03], transform="growth_1", period_months=1)
    dates = pd.DatetimeIndex(["2020-03-31", "2020-04-30"])
    np.testing.assert_allclose(series.at(dates), [0.02, 1.03 / 1.02 - 1])


def test_a_value_known_before_its_period_ends_is_named():
    with pytest.raises(IntegrityError, match="known before the end of its period: the value of 2020-01-31"):
        one(["2020-01-31"], ["2020-01-15"], [1.0])
    frame = pd.DataFrame(
        {"observed": pd.to_datetime(["2020-01-31"]), "known": pd.to_datetime(["2020-01-01"]), "value": [1.0]}
    )
    with pytest.raises(IntegrityError, match="'a0' of 2020-01-31 was known before the end of its period"):
        make_table([frame])


@pytest.mark.parametrize("name", ["change", "log_change_0", "change_", "cahnge_3", "zscore", "level_2"])
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError, match="is no transform"):
        parse_transform(name)
    with pytest.raises(ValueError, match="is no statistic"):
        parse_statistic(name)
