"""Whole runs on dates at which markets are closed, and on assets that trade on different calendars."""

import numpy as np
import pandas as pd
import pytest
from running import evaluated, pipeline_of

from market.calendar import find_closed_markets, measure_missing_share
from market.frequency import DAILY, find_foreign_spacings
from pipeline.audit.audit import audit
from pipeline.audit.invariants import check_earnings
from pipeline.errors import ConfigError, RunError
from pipeline.preflight.frequency import check_frequency
from pipeline.stages import compute
from pipeline.stages.schedule import make_schedule

MODELS = {"ridge": {"kind": "ridge", "n_penalties": 5}}
LISTED = [0, 2, 4, 5]
"""Assets of the file that live as long as it does."""


def strategies(names):
    """Return one strategy of each kind on the assets named."""
    a, b, c, d = (names[n] for n in LISTED)
    return {
        "fixed": {"kind": "strategic", "weights": {a: 0.4, b: 0.2, c: 0.2, d: 0.2}},
        "balanced": {"kind": "sixty_forty", "stocks": [a, b], "bonds": [c, d]},
        "permanent": {"kind": "permanent", "stocks": [a], "bonds": [b], "gold": [c], "cash": [d]},
        "weather": {
            "kind": "all_weather", "rising_growth": [a, b], "falling_growth": [c], "rising_inflation": [b, d],
            "falling_inflation": [a, c],
        },
        "endowment": {
            "kind": "endowment",
            "classes": {
                "slow": {"target": 0.5, "assets": [a, b], "maximum_trade": 0.02},
                "fast": {"target": 0.5, "assets": [c, d]},
            },
        },
        "mv": {"kind": "mean_variance", "forecast": "ridge", "risk_aversion": 10},
        "parity": {"kind": "risk_parity"},
        "hrp": {"kind": "hierarchical_risk_parity"},
        "diversified": {"kind": "maximum_diversification"},
        "sharpe": {"kind": "maximum_sharpe", "forecast": "ridge"},
        "tail": {"kind": "cvar", "level": 0.8},
        "kelly": {"kind": "kelly", "fraction": 0.5},
        "aim": {"kind": "aim", "forecast": "ridge", "typical_trade": 0.05},
        "bl": {"kind": "black_litterman", "forecast": "ridge"},
        "tilt": {"kind": "tactical", "strategic": "fixed", "forecast": "ridge", "deviation": 0.05},
        "core": {"kind": "core_satellite", "core": "fixed", "satellite": "parity", "share": 0.7},
        "states": {"kind": "regime", "portfolios": ["fixed", "parity"], "how": "switch"},
        "calm": {"kind": "volatility_target", "base": "states", "volatility": 0.08},
        "safe": {"kind": "drawdown_control", "base": "fixed", "floor": 0.8},
    }  # fmt: skip


def test_every_strategy_holds_what_is_closed(mine):
    file = mine().parent / "prices.csv"
    table = pd.read_csv(file, index_col=0)
    for row in (118, 126, 127, 136):
        table.iloc[row, [0, 4]] = np.nan
    table.to_csv(file)
    done = evaluated(
        mine(
            models=MODELS,
            allocation__forecast="ridge",
            features__include=["return_1", "volatility_12", "market"],
            strategies=strategies(list(table.columns)),
            allocation__maximum=1.0,
            audit={"cuts": 1},
        )
    )
    panel = done.trained.prepared.panel
    closed = panel.closed
    # The second month in a row without a price is no closure in monthly rows.
    assert closed[110:, [0, 4]].sum() == 6
    for name, result in done.results.items():
        before = np.zeros(len(panel.assets))
        for k, row in enumerate(result.positions.tolist()):
            shut = closed[row - 1]
            np.testing.assert_allclose(result.weights[k][shut], before[shut], atol=1e-9, err_msg=name)
            grown = result.weights[k] * (1 + np.nan_to_num(panel.returns[row]))
            before = grown / (grown.sum() + result.cash_weight[k] * (1 + panel.cash[row]))
        for rule in check_earnings(result, panel, done.trained.prepared.config):
            assert rule.row is None, rule
        if len(result.decisions) == len(done.trained.prepared.schedule.decisions):
            assert done.performance[name]["closed"] >= 3, name
    certificate = audit(done)
    assert certificate.clean, certificate.leaks


def two_calendars(folder, n=900):
    """Write daily prices of two coins, three stocks on weekdays, and one bond that is quoted once in ten days."""
    rng = np.random.default_rng(0)
    dates = pd.date_range("2018-01-01", periods=n)
    values = 100 * np.cumprod(1 + rng.normal(0.0003, 0.01, (n, 6)), axis=0)
    values[np.asarray(dates.day_of_week >= 5), 2:5] = np.nan
    values[np.arange(n) % 10 != 0, 5] = np.nan
    table = pd.DataFrame(values, index=dates, columns=["btc", "eth", "x", "y", "z", "bond"]).rename_axis(
        "date"
    )
    table.to_csv(folder / "prices.csv")
    return table


DAYS = {
    "models": {"mean": {"kind": "mean"}},
    "allocation__forecast": "mean",
    "features__include": ["return_1", "volatility_12", "market"],
    "target": {"horizon": 21, "execution_lag": 1, "relative": True, "risk_window": 63},
    "walk_forward": {
        "first_test": "2020-01-15",
        "refit_every": 200,
        "train_every": 5,
        "min_train_dates": 2,
        "min_train_rows": 2,
    },
    "regimes": {"states": 2, "min_train": 60, "features": ["market_volatility_12", "market_return_12"]},
    "allocation__rebalance_every": 21,
    "allocation__covariance_window": 120,
    "allocation__min_history": 60,
    "evaluation": {"start": "2020-02-03"},
}


def test_assets_on_another_calendar_are_refused_with_the_setting(mine):
    folder = mine().parent
    table = two_calendars(folder).drop(columns="bond")
    table.to_csv(folder / "prices.csv")
    with pytest.raises(
        RunError,
        match=r"^x, y, z can never be forecast: .* at 28% of the rows .*weekends.*data\.calendar: weekdays",
    ):
        pipeline_of(mine(**DAYS)).prepare()
    data = {"source": "prices", "path": str(folder / "prices.csv"), "calendar": "weekdays"}
    prepared = pipeline_of(mine(**DAYS, data=data)).prepare()
    assert prepared.panel.periods_per_year == DAILY.periods_per_year
    assert not [
        finding for finding in prepared.findings if finding.severity == "warning" and "never" in finding.check
    ]


def test_coins_that_came_late_are_refused_too(mine):
    folder = mine().parent
    table = two_calendars(folder)[["btc", "x", "y", "z"]]
    table.loc[:"2019-12-31", "btc"] = np.nan
    table.dropna(how="all").to_csv(folder / "prices.csv")
    with pytest.raises(
        RunError, match=r"^x, y, z can be forecast at \d+% of their dates .*data\.calendar: weekdays"
    ):
        pipeline_of(mine(**DAYS)).prepare()


def test_a_calendar_of_no_frequency_is_not_suggested(mine):
    folder = mine().parent
    two_calendars(folder)[["btc", "eth", "bond"]].to_csv(folder / "prices.csv")
    with pytest.raises(
        RunError, match=r"^bond can never be forecast: .*\. Leave the assets out: .* neither daily"
    ):
        pipeline_of(mine(**DAYS)).prepare()


def test_what_can_never_be_forecast_or_held_is_named(mine):
    folder = mine().parent
    table = two_calendars(folder)
    table["short"] = table["btc"].where(np.arange(len(table)) > len(table) - 30)
    table[["btc", "eth", "x", "y", "z", "short"]].to_csv(folder / "prices.csv")
    data = {"source": "prices", "path": str(folder / "prices.csv"), "calendar": "weekdays"}
    prepared = pipeline_of(mine(**DAYS, data=data)).prepare()
    said = {finding.check: finding.message for finding in prepared.findings if "never" in finding.check}
    assert set(said) == {"never forecast", "never held"}
    assert said["never forecast"].startswith("short can never be forecast")
    assert "60 returns in the last 120 rows" in said["never held"]


def test_no_asset_that_can_be_forecast_is_refused(mine):
    folder = mine().parent
    two_calendars(folder)[["btc", "eth"]].to_csv(folder / "prices.csv")
    changes = {**DAYS, "target": {**DAYS["target"], "risk_window": 2000}}
    with pytest.raises(
        RunError, match=r"no asset can be forecast at any date: .*2000 rows \(target\.risk_window\)"
    ):
        pipeline_of(mine(**changes)).prepare()


def test_months_that_go_on_in_days_are_refused(mine):
    folder = mine().parent
    table = pd.read_csv(folder / "prices.csv", index_col=0, parse_dates=True)
    days = pd.bdate_range("2002-07-01", periods=60)
    more = pd.DataFrame(table.iloc[-1:].to_numpy() * 1.001 ** np.arange(60)[:, None], days, table.columns)
    pd.concat([table, more]).rename_axis("date").to_csv(folder / "prices.csv")
    with pytest.raises(
        RunError, match=r"most rows of the source are monthly, but 60 of 210 .*2002-07-01 after"
    ):
        pipeline_of(mine()).prepare()


def test_closures_are_known_at_once_and_end():
    rng = np.random.default_rng(5)
    listed = rng.random((80, 6)) < 0.5
    listed[40:, 0] = False
    whole = find_closed_markets(listed, 3)
    assert not (whole & listed).any()
    assert whole[40:, 0].sum() <= 3
    for t in range(1, 80):
        np.testing.assert_array_equal(find_closed_markets(listed[:t], 3), whole[:t])
        for n in range(6):
            recent = listed[max(0, t - 3) : t, n].any()
            assert whole[t, n] == (not listed[t, n] and recent)
    share = measure_missing_share(listed)
    rows = np.flatnonzero(listed[:, 1])
    assert share[1] == pytest.approx(1 - len(rows) / (rows[-1] - rows[0] + 1))


def test_ordinary_calendars_have_no_foreign_rows(mine):
    for dates, year in (
        (pd.bdate_range("2019-12-20", periods=500), 252),
        (pd.date_range("2020-01-01", periods=500), 365),
        (pd.date_range("2020-01-01", periods=300, freq="W-FRI"), 52),
        (pd.date_range("2020-01-01", periods=200, freq="BME"), 12),
        (pd.date_range("2020-01-01", periods=200, freq="BMS"), 12),
    ):
        assert not len(find_foreign_spacings(dates, year))
    check_frequency(pipeline_of(mine()).prepare().panel)


def test_months_are_no_calendar_of_days(mine):
    """An asset that died before the first decision, with holes in a short life, is named and stops nothing."""
    file = mine().parent / "prices.csv"
    table = pd.read_csv(file, index_col=0)
    table.iloc[[95, 98], 3] = np.nan
    table.iloc[105:, 3] = np.nan
    table.to_csv(file)
    prepared = pipeline_of(mine(models=MODELS, allocation__forecast="ridge")).prepare()
    assert any("A03" in f.message for f in prepared.findings if f.check == "never held")


def test_a_horizon_of_years_is_warned_of(mine):
    target = {"horizon": 21, "execution_lag": 0, "relative": True, "risk_window": 24}
    fewest = {"walk_forward__min_train_dates": 2, "walk_forward__min_train_rows": 2}
    prepared = pipeline_of(
        mine(models=MODELS, allocation__forecast="ridge", target=target, **fewest)
    ).prepare()
    (warning,) = [f.message for f in prepared.findings if f.check == "horizon"]
    assert "21 rows, and the data has 12 a year: each forecast spans 1.8 years" in warning


def test_an_error_with_daily_settings_on_months_says_what_to_change(mine):
    target = {"horizon": 21, "execution_lag": 1, "relative": True, "risk_window": 24}
    changes = {"models": MODELS, "allocation__forecast": "ridge", "regimes__min_train": 756}
    with pytest.raises(
        RunError, match=r"regimes.min_train is 756(.|\n)*target.horizon 1.*configs/industries"
    ) as error:
        pipeline_of(mine(target=target, **changes)).prepare()
    assert "21 rows, and the data has 12 a year" in str(error.value)
    with pytest.raises(RunError) as error:
        pipeline_of(mine(**changes)).prepare()
    assert "target.horizon" not in str(error.value), "the horizon is one of this data"


def test_limits_are_checked_without_what_reopened_and_has_no_forecast_yet(mine):
    file = mine().parent / "prices.csv"
    table = pd.read_csv(file, index_col=0)
    table.iloc[:, 0] = 100 * 1.01 ** np.arange(len(table)) * (1 + 0.02 * (np.arange(len(table)) % 3))
    table.iloc[[113, 115, 117, 119, 121], 0] = np.nan  # 19 of 24 returns at the rows after them
    table.to_csv(file)
    group = {"g": {"assets": ["A00"], "minimum": 0.1}}
    changes = {"models": MODELS, "allocation__forecast": "ridge", "allocation__groups": group}
    with pytest.raises(RunError, match=r"allocation, at \d{4}-\d\d-\d\d: .*group 'g' at least 0\.1"):
        pipeline_of(mine(**changes)).prepare()
    pipeline_of(mine(**changes, allocation__on_infeasible="hold")).prepare()


def test_a_relative_target_of_one_asset_is_refused(mine):
    file = mine(target__relative=True).parent / "prices.csv"
    pd.read_csv(file, index_col=0).iloc[:, :1].to_csv(file)
    with pytest.raises(RunError, match=r"the data has one asset, \w+, and target\.relative"):
        pipeline_of(mine(target__relative=True)).prepare()


@pytest.mark.parametrize(("every", "unit"), [("weekly", "W-SUN"), ("month_end", "M"), ("quarter_end", "Q")])
def test_portfolios_are_decided_at_the_ends_of_periods(mine, every, unit):
    folder = mine().parent
    two_calendars(folder)[["btc", "eth", "x", "y"]].to_csv(folder / "prices.csv")
    data = {"source": "prices", "path": str(folder / "prices.csv"), "calendar": "weekdays"}
    pipeline = pipeline_of(mine(**DAYS | {"allocation__rebalance_every": every}, data=data))
    prepared = pipeline.prepare()
    dates, schedule = prepared.panel.dates, prepared.schedule
    start = pd.Timestamp("2020-02-03")
    # A plain walk: the last row of each period. There are no holidays, and the last period is still running.
    expected = [
        row
        for row, date in enumerate(dates[:-1])
        if date >= start and date.to_period(unit) != dates[row + 1].to_period(unit)
    ]
    decisions = schedule.decisions.tolist()
    assert decisions[: len(expected)] == expected
    assert len(decisions) - len(expected) in (0, 1)  # the last row is a decision if its period is over
    for cut in range(expected[0] + 1, len(dates), 23):
        panel = prepared.panel.as_of(dates[cut])
        again = make_schedule(panel, compute.make_features(panel, pipeline.config), pipeline.config)
        assert again.decisions.tolist() == [row for row in decisions if row <= cut]


@pytest.mark.parametrize(
    ("every", "message"),
    [
        ("weekly", "is weekly, but the rows of prices are monthly: write 1"),
        ("yearly", "expected a number of observations, or weekly, month_end, quarter_end"),
        (0, "expected a whole number from 1"),
        (1.5, "expected a whole number from 1"),
    ],
)
def test_impossible_ends_are_refused(mine, every, message):
    with pytest.raises((RunError, ConfigError), match=message):
        pipeline_of(mine(allocation__rebalance_every=every)).prepare()


def test_every_row_of_months_ends_one(mine):
    every_row = pipeline_of(mine(allocation__rebalance_every=1)).prepare().schedule.decisions
    ends = pipeline_of(mine(allocation__rebalance_every="month_end")).prepare().schedule.decisions
    assert ends.tolist() == every_row.tolist()


def test_a_resampled_run_has_a_certificate(mine):
    """Read again up to a cut, the file gives the same weeks."""
    folder = mine().parent
    table = two_calendars(folder)[["btc", "eth", "x", "y"]]
    table.to_csv(folder / "prices.csv")
    data = {
        "source": "prices",
        "path": str(folder / "prices.csv"),
        "calendar": "weekdays",
        "frequency": "weekly",
    }
    weeks = {
        "target": {"horizon": 1, "execution_lag": 0, "relative": True, "risk_window": 12},
        "features__include": ["return_1", "volatility_3", "market_volatility_3", "market_return_1"],
        "regimes": {"states": 2, "min_train": 20, "features": ["market_volatility_3", "market_return_1"]},
        "walk_forward__train_every": 1,
        "walk_forward__refit_every": 20,
        "allocation__rebalance_every": "month_end",
        "allocation__covariance_window": 30,
        "allocation__min_history": 12,
        "audit": {"cuts": 2},
    }
    pipeline = pipeline_of(mine(**DAYS | weeks, data=data))
    prepared = pipeline.prepare()
    assert prepared.panel.periods_per_year == 52
    done = pipeline.evaluate(pipeline.train(prepared))
    certificate = pipeline.certify(done)
    assert certificate is not None
    assert certificate.leaks == ()
    assert len(certificate.cuts) >= 2
