"""Periods of a finer file: values against pandas, what a shorter file shows, and what is refused or noted."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import DataError, SourceError
from market.load import load_panel
from market.readers.prices import FileSettings, load_file
from market.values.dates.periods import number_periods, trading_weekdays

PANDAS = {"weekly": "W-SUN", "W-FRI": "W-FRI", "W-WED": "W-WED", "monthly": "M", "quarterly": "Q"}
ALL = list(PANDAS)


def daily_prices(n=420, seed=0, start="2019-01-02", holes=0.1):
    """Return prices of three assets on weekdays with holidays, some missing; one lists late, one ends early."""
    rng = np.random.default_rng(seed)
    dates = pd.bdate_range(start, periods=n)
    dates = dates[rng.random(n) > 0.05]
    prices = 50 * np.cumprod(1 + rng.normal(0, 0.01, (len(dates), 3)), axis=0)
    prices[rng.random(prices.shape) < holes] = np.nan
    prices[: n // 5, 1] = np.nan
    prices[-n // 4 :, 2] = np.nan
    return pd.DataFrame(prices, index=pd.Index(dates, name="date"), columns=list("abc"))


def write(tmp_path, table, name="x.csv"):
    path = tmp_path / name
    table.to_csv(path, index="date" not in table.columns)
    return path


def periods_of(table, name):
    return table.index.to_period(PANDAS[name])


def expected_closes(table, name, *, last=True):
    """Return the last price of each period by pandas, dated at its last row."""
    groups = periods_of(table, name)
    closes = table.groupby(groups).last()
    closes.index = pd.DatetimeIndex(pd.Series(table.index, index=table.index).groupby(groups).max())
    return closes if last else closes.iloc[:-1]


@pytest.mark.parametrize("name", ALL)
def test_numbers_are_the_periods_of_pandas(name):
    dates = pd.date_range("1959-12-20", "1975-02-03").append(pd.date_range("2019-12-20", "2021-02-03"))
    mine, theirs = number_periods(dates, name), dates.to_period(PANDAS[name])
    np.testing.assert_array_equal(mine[1:] == mine[:-1], theirs[1:] == theirs[:-1])
    assert (np.diff(mine) >= 0).all()


@pytest.mark.parametrize("name", ALL)
def test_prices_are_the_last_of_each_period(tmp_path, name):
    table = daily_prices()
    table = table.loc[:"2020-06-23"]  # in the middle of a week, a month and a quarter
    panel, findings = load_file(write(tmp_path, table), FileSettings(frequency=name))
    closes = expected_closes(table, name, last=False)
    assert list(panel.dates) == list(closes.index[1:])
    known = closes.ffill().shift()
    expected = (closes / known - 1).iloc[1:]
    np.testing.assert_allclose(panel.returns, expected[list(panel.assets)].to_numpy(), rtol=1e-12)
    assert panel.periods_per_year == {"monthly": 12, "quarterly": 4}.get(name, 52)
    checks = {finding.check for finding in findings}
    assert {"interpretation", "running period"} <= checks


@pytest.mark.parametrize("name", ALL)
def test_returns_and_cash_compound(tmp_path, name):
    prices = daily_prices(holes=0.0)[["a"]]
    returns = prices.pct_change().dropna().assign(b=lambda t: -0.5 * t["a"], rf=0.0001)
    returns.loc[returns.index[::7], "b"] = np.nan
    returns = returns.loc[:"2020-06-23"]
    panel, _ = load_file(write(tmp_path, returns), FileSettings(values="returns", cash="rf", frequency=name))
    groups = periods_of(returns, name)
    expected = (1 + returns).groupby(groups).prod(min_count=1) - 1
    expected = expected.iloc[1 if name == "never" else 0 : -1]
    n = len(panel.dates)
    np.testing.assert_allclose(panel.returns, expected[["a", "b"]].to_numpy()[-n:], rtol=1e-10)
    np.testing.assert_allclose(panel.cash, expected["rf"].to_numpy()[-n:], rtol=1e-10)
    assert len(expected) - n <= 1


def test_a_first_month_of_which_returns_are_missing_is_left_out(tmp_path):
    returns = daily_prices(holes=0.0).pct_change()[["a"]].dropna()
    part = returns.loc["2019-03-12":]
    panel, findings = load_file(write(tmp_path, part), FileSettings(values="returns", frequency="monthly"))
    assert panel.dates[0] >= pd.Timestamp("2019-04-25")
    assert any(finding.check == "partial period" and "2019-03-1" in finding.message for finding in findings)


@pytest.mark.parametrize("name", ["weekly", "monthly"])
def test_bars_cover_the_period(tmp_path, name):
    rng = np.random.default_rng(3)
    dates = pd.bdate_range("2020-01-01", periods=150)
    close = 20 * np.cumprod(1 + rng.normal(0, 0.01, 150))
    table = pd.DataFrame(
        {
            "date": dates,
            "asset": "A",
            "open": close * 0.99,
            "high": close * (1.01 + 0.01 * rng.random(150)),
            "low": close * (0.98 - 0.01 * rng.random(150)),
            "close": close,
            "volume": rng.integers(100, 200, 150).astype(float),
        }
    )
    panel, _ = load_file(write(tmp_path, table), FileSettings(frequency=name))
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    groups = pd.DatetimeIndex(table["date"]).to_period(PANDAS[name])
    expected = table.groupby(groups).agg(how).iloc[1 : len(panel.dates) + 1]
    for bar in how:
        np.testing.assert_allclose(getattr(panel, bar)[:, 0], expected[bar].to_numpy(), rtol=1e-12)


@given(
    name=st.sampled_from(ALL),
    seed=st.integers(0, 10**6),
    holes=st.sampled_from([0.0, 0.3]),
    every_day=st.booleans(),
    back=st.integers(1, 80),
)
@settings(max_examples=60, deadline=None)
def test_a_shorter_file_has_the_same_complete_periods(tmp_path_factory, name, seed, holes, every_day, back):
    table = daily_prices(300, seed, holes=holes)[["a", "b"]]
    if every_day:
        table = table.resample("D").ffill()
        table["a"] *= 1 + 0.001 * np.random.default_rng(seed).random(len(table))
    table = table.dropna(how="all")
    path = write(tmp_path_factory.mktemp("x"), table)
    whole, _ = load_file(path, FileSettings(frequency=name))
    cut = table.index[-back]
    part, _ = load_file(path, FileSettings(frequency=name), known_by=cut)
    n = len(part.dates)
    assert list(part.dates) == list(whole.dates[:n])
    columns = [whole.assets.index(asset) for asset in part.assets]
    np.testing.assert_array_equal(part.returns, whole.returns[:n][:, columns])
    # Each period of which a later one is known is there.
    groups = periods_of(table.loc[:cut], name)
    complete = expected_closes(table.loc[:cut], name).index[: len(groups.unique()) - 1]
    assert set(complete[1:]) <= set(part.dates)
    # A later period than that of the cut is not.
    assert part.dates[-1] <= cut


def test_the_last_weekday_of_a_month_completes_it_and_the_day_before_does_not(tmp_path):
    table = daily_prices(holes=0.0)[["a"]]
    days = pd.bdate_range("2019-01-02", "2019-05-31")
    table = pd.DataFrame({"a": 10 + np.arange(len(days)) % 7 * 0.1}, index=pd.Index(days, name="date"))
    path = write(tmp_path, table)
    for cut, last in (("2019-05-31", "2019-05-31"), ("2019-05-30", "2019-04-30")):
        panel, _ = load_panel(
            "prices", path=path, settings=FileSettings(frequency="monthly"), known_by=pd.Timestamp(cut)
        )
        assert panel.dates[-1] == pd.Timestamp(last)
    kept, _ = load_file(
        path,
        FileSettings(frequency="monthly", running_period="keep"),
        known_by=pd.Timestamp("2019-05-30"),
    )
    assert kept.dates[-1] == pd.Timestamp("2019-05-30")


def test_rows_cannot_become_more(tmp_path):
    months = pd.date_range("2015-01-31", periods=40, freq="ME", name="date")
    table = pd.DataFrame({"a": 10 + np.arange(40.0) % 3}, index=months)
    with pytest.raises(SourceError, match="rows are monthly; rows can only be merged"):
        load_file(write(tmp_path, table), FileSettings(frequency="weekly"))


def test_unknown_periods_are_refused(tmp_path):
    with pytest.raises(SourceError, match=r"unknown data\.frequency 'monthy'; did you mean 'monthly'"):
        load_file(write(tmp_path, daily_prices()), FileSettings(frequency="monthy"))


def test_months_become_quarters(tmp_path):
    months = pd.date_range("2015-01-01", periods=41, freq="BME", name="date")
    table = pd.DataFrame({"a": 10 + np.arange(41.0) % 5, "b": 7 + np.arange(41.0) % 4}, index=months)
    panel, _ = load_file(write(tmp_path, table), FileSettings(frequency="quarterly"))
    closes = table.groupby(months.to_period("Q")).last().iloc[:-1]  # 41 months end in May
    np.testing.assert_allclose(panel.returns, closes.pct_change().to_numpy()[1:], rtol=1e-12)
    assert panel.periods_per_year == 4
    assert panel.dates[-1] == pd.Timestamp("2018-03-30")


def test_months_followed_by_days_become_months(tmp_path):
    days = pd.date_range("2010-01-31", "2016-12-31", freq="BME").append(
        pd.bdate_range("2017-01-02", "2018-03-30")
    )
    table = pd.DataFrame({"a": 10 + np.arange(len(days)) % 5 * 0.1}, index=pd.Index(days, name="date"))
    panel, _ = load_file(write(tmp_path, table), FileSettings(frequency="monthly"))
    assert panel.periods_per_year == 12
    assert list(panel.dates) == list(pd.date_range("2010-03-01", "2018-03-31", freq="BME"))


def test_a_month_that_ends_at_a_weekend_for_coins_alone_is_refused(tmp_path):
    dates = pd.date_range("2021-01-01", periods=200, name="date")
    steps = 100 + np.arange(200) % 9
    table = pd.DataFrame({"coin": steps * 1.0, "stock": steps * 0.5}, index=dates)
    table.loc[dates.day_of_week >= 5, "stock"] = np.nan
    path = write(tmp_path, table)
    with pytest.raises(
        SourceError,
        match=r"ends on Sunday, 2021-01-31 for 'coin', but 'stock' has no prices at weekends.*data\.calendar",
    ):
        load_file(path, FileSettings(frequency="monthly"))
    panel, _ = load_file(path, FileSettings(frequency="monthly", calendar="weekdays"))
    assert panel.dates[0] == pd.Timestamp("2021-02-26")
    friday = table.loc["2021-01-29", "coin"]
    assert panel.returns[0, 0] == pytest.approx(table.loc["2021-02-26", "coin"] / friday - 1)


def test_no_complete_period_is_refused(tmp_path):
    days = pd.bdate_range("2020-01-06", "2020-01-24", name="date")
    table = pd.DataFrame({"a": 10 + np.arange(len(days)) % 5 * 0.1}, index=days)
    with pytest.raises(
        SourceError, match="0 complete months from 2020-01-06 to 2020-01-24, expected at least 2"
    ):
        load_file(write(tmp_path, table), FileSettings(frequency="monthly"))


def test_faults_of_single_days_are_found(tmp_path):
    table = daily_prices(holes=0.0)[["a", "b"]]
    table.iloc[100, 0] = -3.0
    with pytest.raises(DataError, match="price is -3"):
        load_file(write(tmp_path, table), FileSettings(frequency="monthly"))
    table = daily_prices(holes=0.0)[["a", "b"]]
    table.iloc[100:, 0] /= 10.0
    _, findings = load_file(write(tmp_path, table), FileSettings(frequency="quarterly"))
    assert any(finding.check == "possible split" and "one-day" in finding.message for finding in findings)


@pytest.mark.parametrize(("days", "n"), [({0, 1, 2, 3, 4}, 40), ({6, 0, 1, 2, 3}, 40), (set(range(7)), 40)])
def test_days_of_the_week_are_those_of_the_file(days, n):
    dates = pd.date_range("2020-01-01", periods=100)
    dates = dates[np.isin(dates.day_of_week, list(days))][:n]
    assert set(np.flatnonzero(trading_weekdays(dates))) == days
    assert trading_weekdays(dates[:3])[:5].all()
