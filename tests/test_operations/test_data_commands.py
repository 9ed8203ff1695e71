"""The commands about data, as a user meets them: what they print, and their exit codes."""

import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.cli.main import main

DATES = pd.date_range("2020-01-31", periods=12, freq="ME")


@pytest.fixture
def mine(tmp_path, monkeypatch, capsys):
    """Make a folder with prices and a configuration; return what runs `tangency` there."""
    monkeypatch.chdir(tmp_path)
    config = {
        "name": "mine",
        "data": {"source": "prices", "path": "prices.csv"},
        "target": {"horizon": 1, "execution_lag": 0, "risk_window": 3},
        "walk_forward": {"first_test": "2020-06-30", "refit_every": 2},
        "regimes": {"states": 2, "min_train": 3},
        "models": {"mean": {"kind": "mean"}},
        "allocation": {"forecast": "mean", "rebalance_every": 1, "covariance_window": 6, "min_history": 3},
        "cost_rate": 0.0,
        "evaluation": {"start": "2020-08-31"},
        "output": "runs",
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config))

    def tangency(*words):
        """Return exit code, standard output and standard error."""
        monkeypatch.setattr(sys, "argv", ["tangency", *words, "-c", "mine.yaml"])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return tangency


def prices(rows=12, seed=0):
    steps = np.random.default_rng(seed).normal(0.01, 0.05, (12, 3))
    table = pd.DataFrame(100 * np.cumprod(1 + steps, axis=0), index=DATES, columns=["AAA", "BBB", "CCC"])
    return table.iloc[:rows].rename_axis("date")


def lines(text):
    return [line for line in text.splitlines() if line.strip()]


def test_new_dates_are_recorded_listed_shown_and_verified(mine, tmp_path):
    prices(10).to_csv("prices.csv")
    code, out, _ = mine("update")
    assert code == 0
    assert "version 1 (first): 9 new dates; 9 dates x 3 assets to 2020-10-31" in out
    prices(12).to_csv("prices.csv")
    code, out, _ = mine("update")
    assert code == 0
    assert "version 2 (append): 2 new dates; 11 dates x 3 assets to 2020-12-31" in out
    code, out, _ = mine("update")
    assert code == 0
    assert "none since version 2" in out
    code, out, _ = mine("data", "log")
    assert code == 0
    assert [line.split("  ")[1] for line in lines(out)] == [
        "version 1 (first): 9 new dates; 9 dates x 3 assets to 2020-10-31",
        "version 2 (append): 2 new dates; 11 dates x 3 assets to 2020-12-31",
    ]
    assert mine("data", "verify")[:2] == (0, "2 versions, 11 dates to 2020-12-31: all as recorded\n")
    returns = prices(12).pct_change().iloc[1:]
    for version, rows in ((1, 9), (2, 11)):
        for name in ("all.parquet", "all.csv"):
            assert mine("data", "show", "--version", str(version), "--output", name)[0] == 0
            read = (
                pd.read_parquet(name) if name.endswith("parquet") else pd.read_csv(name, parse_dates=["date"])
            )
            wide = read[read["field"] == "returns"].pivot(index="date", columns="asset", values="value")
            np.testing.assert_allclose(wide, returns.iloc[:rows], rtol=0, atol=1e-15)
            assert wide.index.tolist() == DATES[1 : rows + 1].tolist()
    code, out, _ = mine("data", "show", "--changes")
    assert code == 0
    assert lines(out)[-1] == "10 rows"  # two dates of cash, market and three assets


def test_a_revision_stops_with_code_2_until_it_is_accepted(mine, tmp_path):
    prices(10).to_csv("prices.csv")
    mine("update")
    revised = prices(11)
    revised.loc["2020-05-31", "BBB"] *= 1.1
    revised.to_csv("prices.csv")
    code, _, err = mine("update")
    assert code == 2
    # A price is in two returns of its asset, and so in two of the market.
    assert "of the past, 4 cells changed" in err
    assert "changed: returns of BBB on 2020-05-31" in err
    assert "--accept-revisions" in err
    assert len(list((tmp_path / "runs/operations/mine/data").glob("*.parquet"))) == 1
    code, out, _ = mine("update", "--accept-revisions")
    assert code == 0
    assert "version 2 (revision): 1 new date; of the past 4 changed" in out
    _, out, _ = mine("data", "log")
    assert "largest change: returns BBB 2020-0" in out
    assert mine("data", "show", "--version", "1", "-o", "old.parquet")[0] == 0
    old = pd.read_parquet("old.parquet")
    cell = old[(old["field"] == "returns") & (old["asset"] == "BBB") & (old["date"] == "2020-05-31")]
    np.testing.assert_allclose(cell["value"], prices().pct_change().loc["2020-05-31", "BBB"], rtol=1e-12)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: pd.concat([t, t.tail(1)]), "occurs more than once"),
        (lambda t: t.iloc[[*range(9), 11, 10]], "before the row above it"),
        (lambda t: t.assign(AAA=t["AAA"].where(t.index < DATES[11], -1.0)), "price is -1"),
    ],
)
def test_new_data_that_contradicts_itself_is_not_recorded(mine, tmp_path, spoil, message):
    prices(9).to_csv("prices.csv")
    mine("update")
    folder = tmp_path / "runs/operations/mine/data"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    spoil(prices()).to_csv("prices.csv")
    code, _, err = mine("update")
    assert (code, message in err) == (2, True), err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_row_without_any_price_is_no_date(mine):
    prices(10).to_csv("prices.csv")
    mine("update")
    table = prices(12)
    table.iloc[10] = np.nan
    table.to_csv("prices.csv")
    code, out, _ = mine("update")
    assert code == 0
    assert "version 2 (append): 1 new date; 10 dates" in out


def test_the_future_of_a_source_is_not_recorded(mine):
    prices(12).to_csv("prices.csv")
    code, out, _ = mine("update", "--as-of", "2020-09-15")
    assert code == 0
    assert "7 dates x 3 assets to 2020-08-31" in out
    code, out, _ = mine("update", "--as-of", "2020-11-30")
    assert code == 0
    assert "version 2 (append): 3 new dates; 10 dates x 3 assets to 2020-11-30" in out
    code, _, err = mine("update", "--as-of", "2020-10-31")
    assert code == 2
    assert "the data is asked for as of 2020-10-31" in err


def test_tampering_and_what_is_not_there_end_with_code_2(mine, tmp_path):
    prices(12).to_csv("prices.csv")
    for words in (("data", "verify"), ("data", "show"), ("data", "show", "--changes")):
        code, _, err = mine(*words)
        assert (code, "no data was recorded yet" in err) == (2, True), words
    code, out, _ = mine("data", "log")
    assert (code, "no data was recorded yet" in out) == (0, True)
    mine("update")
    code, _, err = mine("data", "show", "--version", "2")
    assert (code, "no version 2, there are 1 to 1" in err) == (2, True)
    code, _, err = mine("data", "show", "-o", "x.txt")
    assert (code, "x.txt: expected a name that ends in .parquet or .csv" in err) == (2, True)
    file = tmp_path / "runs/operations/mine/data/000001.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    code, _, err = mine("data", "verify")
    assert (code, "not the file that version 1 was recorded with" in err) == (2, True)
