"""`tangency init`: what it recognises, and that its configuration runs at the first try."""

import sys

import numpy as np
import pandas as pd
import pytest
from running import evaluated

from operations.cli.main import load_commands
from pipeline.cli import main as cli
from pipeline.config import read_config_file
from pipeline.first_config.writing import name_after


@pytest.fixture
def init(tmp_path, monkeypatch, capsys):
    load_commands()
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tangency", "init", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code
        out, err = capsys.readouterr()
        return code, out + err

    return run


def steps(rows, columns, year, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0.06 / year, 0.18 / np.sqrt(year), (rows, columns))


def write(values, path="p.csv", freq="ME", names=None, start="2000-01-31"):
    dates = pd.date_range(start, periods=len(values), freq=freq)
    names = names or [f"A{n}" for n in range(values.shape[1])]
    pd.DataFrame(values, index=dates, columns=names).rename_axis("date").to_csv(path)


def test_levels_with_a_bill_run_at_the_first_try(init, tmp_path):
    returns = steps(220, 6, 12)
    returns[:, 5] = 0.002 + 0.0005 * np.sin(np.arange(220) / 30)
    write(
        100 * np.cumprod(1 + returns, axis=0),
        "levels.csv",
        names=["US", "EU", "JP", "Gold", "Bonds", "T-bill"],
    )
    code, out = init("levels.csv")
    assert code == 0, out
    assert "configs/levels.yaml" in out
    completed = read_config_file(tmp_path / "configs/levels.yaml")
    config = completed.config
    completion = completed.completion
    assert completion is None, "all dates are written, so that new data does not move them"
    assert config.data.cash.column == "T-bill"
    assert config.data.cash.values == "prices"
    done = evaluated(config)
    assert "T-bill" not in done.trained.prepared.panel.assets


def test_percent_is_recognised(init, tmp_path):
    values = 100 * steps(200, 5, 12)
    values[:, 4] = 0.3 + 0.1 * np.sin(np.arange(200) / 20)
    write(values, names=["NoDur", "Durbl", "Manuf", "Enrgy", "RF"])
    code, out = init("p.csv", "--out", "first.yaml")
    assert code == 0, out
    completed = read_config_file(tmp_path / "first.yaml")
    config = completed.config
    assert config.data.values == "percent_returns"
    assert (config.data.cash.column, config.data.cash.values) == ("RF", "percent_returns")


def test_a_column_called_cash_that_is_none_stays_an_asset(init, tmp_path):
    write(100 * steps(200, 5, 12), names=["NoDur", "Durbl", "Manuf", "Enrgy", "RF"])
    assert init("p.csv")[0] == 0
    assert read_config_file(tmp_path / "configs/p.yaml").config.data.cash is None


def test_bars_of_one_coin_are_recognised(init, tmp_path):
    dates = pd.date_range("2019-01-01", periods=1800, freq="D")
    close = 7000 * np.cumprod(1 + steps(1800, 1, 365)[:, 0] * 3)
    bars = {
        "Date": dates,
        "Open": close,
        "High": close * 1.01,
        "Low": close * 0.99,
        "Close": close,
        "Volume": 1e5,
    }
    pd.DataFrame(bars).to_csv("BTC.csv", index=False)
    code, out = init("BTC.csv")
    assert code == 0, out
    completed = read_config_file(tmp_path / "configs/BTC.yaml")
    config = completed.config
    assert not config.target.relative


def test_coins_beside_stocks_keep_weekdays(init, tmp_path):
    values = 50 * np.cumprod(1 + steps(2200, 6, 365), axis=0)
    dates = pd.date_range("2015-01-01", periods=2200, freq="D")
    values[np.asarray(dates.day_of_week >= 5), :3] = np.nan
    write(values, freq="D", start="2015-01-01")
    code, out = init("p.csv")
    assert code == 0, out
    assert read_config_file(tmp_path / "configs/p.yaml").config.data.calendar == "weekdays"


def test_a_market_by_name_is_no_asset(init, tmp_path):
    write(50 * np.cumprod(1 + steps(220, 6, 12), axis=0), names=["A", "B", "C", "D", "E", "S&P 500"])
    assert init("p.csv")[0] == 0
    assert read_config_file(tmp_path / "configs/p.yaml").config.data.market == "S&P 500"


def test_a_folder_of_bars_runs_at_the_first_try(init, tmp_path):
    (tmp_path / "bars").mkdir()
    prices = 50 * np.cumprod(1 + steps(900, 4, 252), axis=0)
    dates = pd.bdate_range("2015-01-01", periods=900, name="Date")
    for name, price in zip("ABCD", prices.T, strict=True):
        frame = pd.DataFrame({"High": price * 1.01, "Low": price * 0.99, "Adj Close": price}, index=dates)
        frame.to_csv(tmp_path / "bars" / f"{name}.csv")
    code, out = init("bars")
    assert code == 0, out
    config = read_config_file(tmp_path / "configs/bars.yaml").config
    assert str(config.data.path) == "bars"
    code, out = init("bars/A.csv", "bars/B.csv", "bars/C.csv", "--out", "three.yaml")
    assert code == 0, out
    config = read_config_file(tmp_path / "three.yaml").config
    assert [str(path) for path in config.data.path] == ["bars/A.csv", "bars/B.csv", "bars/C.csv"]


def test_hours_of_a_market_that_never_closes_become_days(init, tmp_path):
    stamps = pd.date_range("2021-01-01", periods=24 * 1100, freq="h", name="date")
    values = 50 * np.cumprod(1 + steps(len(stamps), 3, 24 * 365), axis=0)
    pd.DataFrame(values, index=stamps, columns=["X", "Y", "Z"]).to_csv(tmp_path / "hours.csv")
    code, out = init("hours.csv")
    assert code == 0, out
    assert "data.sessions: UTC" in out
    assert read_config_file(tmp_path / "configs/hours.yaml").config.data.sessions == "UTC"


def test_hours_of_an_exchange_are_left_to_the_user(init, tmp_path):
    days = pd.bdate_range("2021-01-01", periods=600)
    stamps = pd.DatetimeIndex([day + pd.Timedelta(hours=hour) for day in days for hour in range(10, 17)])
    values = 50 * np.cumprod(1 + steps(len(stamps), 3, 7 * 252), axis=0)
    frame = pd.DataFrame(values, index=stamps.rename("date"), columns=["X", "Y", "Z"])
    frame.to_csv(tmp_path / "hours.csv")
    code, out = init("hours.csv")
    assert code == 2
    assert "set data.sessions" in out
    assert not (tmp_path / "configs/hours.yaml").exists()


def test_an_option_is_kept(init, tmp_path):
    write(50 * np.cumprod(1 + steps(220, 6, 12), axis=0), names=["A", "B", "C", "D", "E", "S&P 500"])
    assert init("p.csv", "--market", "A")[0] == 0
    assert read_config_file(tmp_path / "configs/p.yaml").config.data.market == "A"


def test_an_existing_file_is_never_overwritten(init, tmp_path):
    write(50 * np.cumprod(1 + steps(220, 4, 12), axis=0))
    (tmp_path / "mine.yaml").write_text("mine")
    code, out = init("p.csv", "--out", "mine.yaml")
    assert code == 2
    assert "exists already" in out
    assert (tmp_path / "mine.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: write(50 * np.cumprod(1 + steps(20, 4, 12), axis=0)), "first date that works"),
        (
            lambda: write(np.where(np.arange(220)[:, None] == 100, -1.0, 50 + steps(220, 4, 12))),
            "price is -1",
        ),
        (lambda: None, "does not exist"),
    ],
)
def test_a_file_that_cannot_run_leaves_no_configuration(init, tmp_path, make, words):
    make()
    code, out = init("p.csv")
    assert code == 2
    assert words in out
    assert not (tmp_path / "configs").exists()


@pytest.mark.parametrize(
    ("stem", "name"), [("my prices (1)", "my-prices-1"), ("---", "mine"), ("x" * 90, "x" * 60), ("été", "t")]
)
def test_names_are_allowed(stem, name):
    assert name_after(stem) == name
