"""Series and tables of a configuration: features without code, as of each date, and the audit over them."""

import re
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from own_prices import settings, write_prices
from rich.console import Console
from running import evaluated

from market import macro
from market.as_of import asset_tables
from market.checks.own_data.checks import check_own_data
from market.errors import DataError, IntegrityError, SourceError
from market.sources.settings import find_origins
from operations.watch.sources import find_places
from pipeline.audit.audit import audit
from pipeline.config import RunConfig, load_config
from pipeline.errors import ConfigError
from pipeline.own_data import reading
from pipeline.progress import Reporter
from pipeline.runner.keys import features_key
from pipeline.stages import compute
from pipeline.stages.loading import load_data

N = 150
SERIES = {
    "cpi": {
        "path": "cpi.csv",
        "column": "value",
        "known_at": "released",
        "transform": "log_change_12",
        "features": ["level", "change_1", "zscore_36", "surprise", "age", "interaction_24"],
    },
    "mood": {"path": "mood.csv", "lag": "next business day", "max_age": "10 days", "features": ["level"]},
}
TABLES = {
    "value": {
        "path": "value.csv",
        "column": "score",
        "known_at": "filed",
        "max_age": "9 months",
        "features": ["level", "change_3", "zscore_24", "rank", "age"],
    }
}


def reporter():
    return Reporter(Console(quiet=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a folder with prices, a revised series, a daily one, and a quarterly table that is filed late."""
    path = tmp_path_factory.mktemp("own")
    panel = write_prices(path / "prices.csv", n_dates=N, n_assets=8, seed=2)
    rng = np.random.default_rng(0)
    months = pd.date_range("1988-01-31", panel.dates[-1], freq="ME")
    level = 100 * np.exp(np.cumsum(rng.normal(0.003, 0.003, len(months))))
    first = pd.DataFrame({"date": months - pd.offsets.MonthBegin(1), "value": level})
    first["released"] = months + pd.Timedelta(days=14)
    second = first.assign(
        value=level + rng.normal(0, 0.3, len(level)), released=months + pd.Timedelta(days=45)
    )
    pd.concat([first, second]).to_csv(path / "cpi.csv", index=False)
    days = pd.bdate_range("1989-12-01", panel.dates[-1])
    mood = pd.DataFrame({"date": days, "mood": rng.normal(size=len(days))})
    mood.to_csv(path / "mood.csv", index=False)
    quarters = pd.date_range("1989-12-31", panel.dates[-1], freq="QE")
    rows = [
        {
            "date": end,
            "asset": asset,
            "score": rng.normal(),
            "filed": end + pd.Timedelta(days=int(rng.integers(20, 90))),
        }
        for end in quarters
        for asset in panel.assets
    ]
    pd.DataFrame(rows).to_csv(path / "value.csv", index=False)
    return path


def content(folder, **changes):
    """Return a small configuration with the series and tables."""
    whole = settings(folder, N)
    whole["models"] = {"ridge": {"kind": "ridge", "n_penalties": 8, "inner_splits": 2}}
    whole["allocation"] |= {"forecast": "ridge", "rebalance_every": 3, "maximum": 1.0}
    whole["features"] = {"include": ["market", "momentum_12_1"]}
    whole["data"]["series"] = {k: {**v, "path": str(folder / v["path"])} for k, v in SERIES.items()}
    whole["data"]["tables"] = {k: {**v, "path": str(folder / v["path"])} for k, v in TABLES.items()}
    for key, value in changes.items():
        section = whole["data"]
        *path, last = key.split("__")
        for part in path:
            section = section[part]
        section[last] = value
    return whole


def config(folder, **changes):
    return RunConfig.model_validate(content(folder, **changes))


OWN = [
    "value_age",
    "value_change_3",
    "value_level",
    "value_zscore_24",
    "cpi_age",
    "cpi_change_1",
    "cpi_interaction_24",
    "cpi_level",
    "cpi_surprise",
    "cpi_zscore_36",
    "mood_level",
    "value_rank",
]


def test_series_and_tables_become_features_beside_the_others(folder):
    panel, findings = load_data(config(folder), reporter())
    matrix = compute.make_features(panel, config(folder))
    assert [name for name in matrix.names if name in OWN] == OWN
    assert "momentum_12_1" in matrix.names
    raw = pd.read_csv(folder / "cpi.csv", parse_dates=["date", "released"])
    date = panel.dates[100]
    known = raw[raw["released"] <= date].sort_values("released").groupby("date")["value"].last()
    growth = np.log(known.iloc[-1] / known.iloc[-13])
    np.testing.assert_allclose(matrix.column("cpi_level")[100], growth, rtol=1e-12)
    before = np.log(known.iloc[-2] / known.iloc[-14])
    np.testing.assert_allclose(matrix.column("cpi_change_1")[100], growth - before, rtol=1e-9)
    ages = (date - (known.index[-1] + pd.offsets.MonthEnd(1))).days
    np.testing.assert_array_equal(matrix.column("cpi_age")[100], ages)
    mood = pd.read_csv(folder / "mood.csv", parse_dates=["date"])
    known = mood[mood["date"] + pd.offsets.BDay(1) <= date].iloc[-1]
    np.testing.assert_allclose(matrix.column("mood_level")[100], known["mood"])
    scores = pd.read_csv(folder / "value.csv", parse_dates=["date", "filed"])
    scores = scores[scores["filed"] <= date].sort_values("date").groupby("asset")["score"].last()
    listed = panel.listed[100]
    wanted = scores.reindex(list(panel.assets)).to_numpy()[listed]
    np.testing.assert_allclose(matrix.column("value_level")[100][listed], wanted)
    order = matrix.column("value_rank")[100][listed]
    assert np.argsort(order).tolist() == np.argsort(wanted).tolist()
    readings = [finding.message for finding in findings if finding.check == "interpretation"]
    assert len(readings) == 3
    assert "first days of a month" in readings[0]


def test_an_interaction_is_the_beta_to_changes_times_the_score(folder):
    panel, _ = load_data(config(folder), reporter())
    matrix = compute.make_features(panel, config(folder))
    cpi, row = panel.macro["cpi"], 120
    moved = np.diff(cpi.at(panel.dates, "chain"), prepend=np.nan)[row - 23 : row + 1]
    score = cpi.at(panel.dates, "zscore_24")[row]
    for j in np.flatnonzero(panel.listed[row - 23 : row + 1].all(axis=0)):
        y = (panel.returns[:, j] - panel.cash)[row - 23 : row + 1]
        beta = np.polyfit(moved, y, 1)[0]
        np.testing.assert_allclose(matrix.column("cpi_interaction_24")[row, j], beta * score, rtol=1e-8)


def test_appending_dates_equals_a_full_build(folder):
    panel, _ = load_data(config(folder), reporter())
    whole = compute.make_features(panel, config(folder))
    for row in (100, 140):
        part = compute.make_features(panel.as_of(panel.dates[row]), config(folder))
        np.testing.assert_array_equal(part.values, whole.values[: row + 1])
        longer = compute.make_features(panel, config(folder), part)
        np.testing.assert_array_equal(longer.values, whole.values)


def test_only_what_was_known_is_read(folder):
    made = content(folder)
    made["evaluation"]["holdout"] = "2001-01-31"
    sealed = RunConfig.model_validate(made)
    panel, _ = load_data(sealed, reporter())
    limit = panel.dates[-1]
    assert limit < pd.Timestamp("2001-01-31")
    for each in (*panel.macro.values(), *panel.tables.values()):
        assert each.known_at.max() <= limit
    part, _ = load_data(config(folder, end="2000-06-30"), reporter())
    assert max(series.known_at.max() for series in part.macro.values()) <= pd.Timestamp("2000-06-30")
    unsealed, _ = load_data(sealed, reporter(), unseal=True)
    for name, each in unsealed.macro.items():
        assert len(each.values) > len(panel.macro[name].values)
        np.testing.assert_array_equal(each.known_by(limit).values, panel.macro[name].values)


def test_a_changed_setting_or_value_changes_the_keys(folder, tmp_path):
    base = config(folder)
    panel, _ = load_data(base, reporter())
    other = config(folder, series__mood__features=["level", "zscore_12"])
    assert features_key(base, panel.digest()) != features_key(other, panel.digest())
    later, _ = load_data(config(folder, series__mood__lag="3 days"), reporter())
    assert later.digest() != panel.digest()
    plain, _ = load_data(config(folder, series__cpi__transform="level"), reporter())
    assert plain.digest() != panel.digest()
    rows = pd.read_csv(folder / "value.csv")
    rows.loc[3, "score"] += 1.0
    rows.to_csv(tmp_path / "value.csv", index=False)
    changed, _ = load_data(config(folder, tables__value__path=str(tmp_path / "value.csv")), reporter())
    assert changed.digest() != panel.digest()


def test_the_audit_finds_nothing_in_honest_data(folder):
    done = evaluated(config(folder))
    certificate = audit(done)
    assert certificate.clean, certificate.leaks
    compared = {item["name"] for item in certificate.checked if item["stage"] == "data"}
    assert {"cpi", "mood", "value"} <= compared


def test_the_audit_names_a_revision_that_is_used_too_early(folder, monkeypatch):
    honest = macro.MacroSeries.at

    def newest_vintage(self, dates, statistic="level"):
        frame = pd.DataFrame({"o": self.observed_at, "k": self.known_at, "v": self.values})
        last = frame.groupby("o")["v"].transform("last").to_numpy()
        return honest(replace(self, values=last), dates, statistic)

    monkeypatch.setattr(macro.MacroSeries, "at", newest_vintage)
    certificate = audit(evaluated(config(folder)))
    assert {(leak.stage, leak.name) for leak in certificate.leaks} == {("data", "cpi")}


def test_the_audit_names_a_table_that_is_read_without_its_lag(folder, monkeypatch):
    honest = asset_tables.take_newest

    def at_once(dates, known, observed, asset, value, *more):
        order = np.argsort(observed, kind="stable")
        return honest(dates, observed[order], observed[order], asset[order], value[order], *more)

    monkeypatch.setattr(asset_tables, "take_newest", at_once)
    certificate = audit(evaluated(config(folder)))
    assert {(leak.stage, leak.name) for leak in certificate.leaks} == {("data", "value")}


def test_the_audit_names_a_reader_that_looks_at_later_rows(folder, monkeypatch):
    honest = reading.load_series

    def demeaned(source, name, reading, **options):
        made, findings = honest(source, name, reading, **options)
        return {
            k: replace(each, values=each.values - each.values.mean()) for k, each in made.items()
        }, findings

    monkeypatch.setattr(reading, "load_series", demeaned)
    certificate = audit(evaluated(config(folder, series__cpi__transform="level")))
    worlds = {leak.world for leak in certificate.leaks}
    assert worlds == {"reread"}
    assert {leak.name for leak in certificate.leaks} <= {"cpi", "mood"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"series__mood__lag": None}, r"data.series.mood: when was a value known\? .* neither is given"),
        (
            {"tables__value__known_at": None},
            r"data.tables.value: when was a value known\? .* neither is given",
        ),
        ({"series__cpi__lag": "1 month"}, "both are given"),
        ({"series__mood": {"lag": "1 day"}}, r"where does it come from\? Expected one of path, sql, duckdb"),
        ({"series__mood__url": "https://example.org/x.csv"}, "expected one of .*, not path and url"),
        ({"series__mood": {"fred": {"series": "CPI"}}}, r"data.series.mood: when was a value known\?"),
        (
            {"series__mood": {"fred": {"series": "CPI", "vintages": True}, "lag": "1 month"}},
            "data.series.mood.lag: fred.vintages says when each value was known",
        ),
        ({"series__mood": {"fred": {"series": []}, "lag": "1 day"}}, "data.series.mood.fred.series"),
        ({"series__mood": {"fred": "CPI", "lag": "1 day"}}, "data.series.mood.fred"),
        ({"series__mood__skip_rows": -1}, "data.series.mood.skip_rows"),
        ({"series__mood__path": "https://example.org/x.csv"}, "belongs to url"),
        ({"series__mood__lag": "1"}, r"data.series.mood.lag: '1' is no lag; expected 1 month"),
        ({"series__mood__max_age": "old"}, r"max_age: 'old' is no age"),
        ({"series__mood__stamps": "start"}, "data.series.mood.stamps"),
        ({"series__cpi__transform": "log_changes_12"}, "is no transform; did you mean 'log_change'"),
        ({"series__mood__features": ["levels"]}, "'levels' is no feature of a series; did you mean 'level'"),
        ({"series__mood__features": ["rank"]}, "'rank' is no feature of a series"),
        ({"tables__value__features": ["interaction_12"]}, "'interaction_12' is no feature of a table"),
        ({"series__mood__features": ["surprise"]}, "surprise compares vintages"),
        ({"series__mood__colum": "x"}, "unknown key; did you mean 'column'"),
        ({"series__my-mood": {"path": "x.csv", "lag": "1 day"}}, "such as yield_curve"),
        ({"series__mood__columns": "all", "series__mood__column": "mood"}, "column is given too"),
        ({"series__value": {"path": "x.csv", "lag": "1 day"}}, "tables.value: a series has this name too"),
        (
            {"series__mood__columns": "all", "series__mood_x": {"path": "x.csv", "lag": "1 day"}},
            "'mood_x' may be a column of 'mood'",
        ),
    ],
)
def test_mistakes_in_the_configuration_are_named(folder, tmp_path, changes, says):
    made = content(folder)
    for key, value in changes.items():
        section = made["data"]
        *path, last = key.split("__")
        for part in path:
            section = section[part]
        section[last] = value
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(made))
    with pytest.raises(ConfigError, match=says):
        load_config(file)


def test_fred_says_which_columns_are_read(folder):
    one = config(folder, series__cpi={"fred": {"series": "CPIAUCSL", "vintages": True}}).data.series["cpi"]
    assert (one.column, one.known_at, one.lag) == ("CPIAUCSL", "realtime_start", None)
    several = config(folder, series__us={"fred": {"series": ["CPIAUCSL", "UNRATE"]}, "lag": "1 month"})
    assert several.data.series["us"].columns == "all"
    picked = {"fred": {"series": ["A", "B"]}, "lag": "1 month", "column": "A"}
    assert config(folder, series__us=picked).data.series["us"].columns is None
    again = RunConfig.model_validate(several.model_dump(mode="json"))
    assert again == several


def test_series_of_a_database_and_a_function_are_read_again_as_of_each_cut(folder, tmp_path, monkeypatch):
    mood, asked = pd.read_csv(folder / "mood.csv", parse_dates=["date"]), []

    def load():
        asked.append(1)
        return mood

    monkeypatch.setitem(sys.modules, "my_mood", SimpleNamespace(load=load))
    with sqlite3.connect(tmp_path / "cpi.db") as connection:
        pd.read_csv(folder / "cpi.csv").to_sql("cpi", connection, index=False)
    connection.close()
    changes = {
        "series__mood": {k: v for k, v in SERIES["mood"].items() if k != "path"} | {"load": "my_mood:load"},
        "series__cpi": {k: v for k, v in SERIES["cpi"].items() if k != "path"}
        | {"sql": {"url": f"sqlite:///{tmp_path}/cpi.db", "query": "select * from cpi"}},
    }
    made = config(folder, **changes).model_copy(update={"output": tmp_path / "runs"})
    panel, findings = load_data(made, reporter())
    plain, _ = load_data(config(folder), reporter())
    for name in ("mood", "cpi"):
        np.testing.assert_array_equal(panel.macro[name].values, plain.macro[name].values)
        assert panel.macro[name].known_at.equals(plain.macro[name].known_at)
    assert {origin.label for origin in find_origins(findings)} == {
        "my_mood:load()",
        f"SQL of sqlite:///{tmp_path}/cpi.db (select * from cpi)",
    }
    assert {type(place).__name__ for place in find_places(made)} == {"Files", "Function", "SqlQuery"}
    asked.clear()
    assert audit(evaluated(made)).leaks == ()
    assert len(asked) == 1  # of the run; each cut reads the same answer again


def test_a_name_that_is_taken_is_refused(folder):
    taken = {"path": str(folder / "mood.csv"), "lag": "1 day"}
    made = config(folder, series__market=taken)
    panel, _ = load_data(made, reporter())
    with pytest.raises(Exception, match=r"cannot be called 'market', the name of an input"):
        compute.make_features(panel, made)


def test_a_value_known_before_its_period_ends_stops_the_run(folder, tmp_path):
    rows = pd.read_csv(folder / "value.csv", parse_dates=["date", "filed"])
    rows["filed"] = rows["date"] - pd.Timedelta(days=3)
    rows.to_csv(tmp_path / "value.csv", index=False)
    with pytest.raises(IntegrityError, match=r"is said to be known on .*, before that"):
        load_data(config(folder, tables__value__path=str(tmp_path / "value.csv")), reporter())
    with pytest.raises(DataError, match=r"no such file|does not exist|not found"):
        load_data(config(folder, tables__value__path=str(tmp_path / "none.csv")), reporter())


def warnings_of(folder, tmp_path, change, **changes):
    """Return the warnings about the table whose rows `change` rewrites."""
    rows = pd.read_csv(folder / "value.csv", parse_dates=["date", "filed"])
    change(rows).to_csv(tmp_path / "value.csv", index=False)
    made = config(folder, tables__value__path=str(tmp_path / "value.csv"), **changes)
    return [each for each in load_data(made, reporter())[1] if each.severity == "warning"]


def back_filled(day):
    return lambda rows: rows[rows["date"] < "2002-03-01"].assign(filed=pd.Timestamp(day))


def test_a_back_filled_table_is_named(folder, tmp_path):
    found = warnings_of(folder, tmp_path, back_filled("2002-03-01"))
    (one,) = [each for each in found if each.check == "back-filled history"]
    assert "known from one day on, 2002-03-01: a back-filled history" in one.message
    found = warnings_of(folder, tmp_path, back_filled("2031-03-01"))
    assert any("no value of it is known by the last date" in each.message for each in found)
    assert not [
        each for each in warnings_of(folder, tmp_path, lambda rows: rows) if each.message.startswith("value")
    ]


def test_months_that_are_known_on_their_last_day_are_named(folder, tmp_path):
    rows = pd.read_csv(folder / "cpi.csv", parse_dates=["date", "released"])
    rows = rows.drop_duplicates("date").assign(released=lambda each: each["date"] + pd.offsets.MonthEnd(1))
    rows.to_csv(tmp_path / "cpi.csv", index=False)
    made = config(folder, series__cpi__path=str(tmp_path / "cpi.csv"))
    found = load_data(made, reporter())[1]
    (one,) = [each for each in found if each.check == "known at once"]
    assert "known_at looks like the date of the period" in one.message


def test_a_column_that_holds_the_next_return_is_named_with_its_evidence(folder, tmp_path):
    panel, _ = load_data(config(folder), reporter())

    def planted(_):
        ahead = np.roll(panel.returns, -1, axis=0)[:-1]
        frame = pd.DataFrame(ahead, index=panel.dates[:-1], columns=list(panel.assets)).stack().reset_index()
        frame.columns = ["date", "asset", "score"]
        return frame.assign(filed=frame["date"])

    found = warnings_of(folder, tmp_path, planted)
    (one,) = [each for each in found if each.check == "predicts too well"]
    assert "a correlation of 1.00 with the asset's return of the next step" in one.message
    months = panel.dates[:-1]
    pd.DataFrame({"date": months, "mood": panel.market[1:]}).to_csv(tmp_path / "mood.csv", index=False)
    changes = {"path": str(tmp_path / "mood.csv"), "lag": "0 days", "max_age": "1 month"}
    made = config(folder, series__mood={**SERIES["mood"], **changes})
    (one,) = [each for each in load_data(made, reporter())[1] if each.check == "predicts too well"]
    assert (
        "mood: its value known at each close has a correlation of 1.00 with the market's return"
        in one.message
    )


def test_values_without_a_logarithm_are_named(folder):
    found = load_data(config(folder, tables__value__transform="log"), reporter())[1]
    (one,) = [each for each in found if each.check == "transform undefined"]
    assert "values are not above 0, so that log gives none there" in one.message


def test_honest_noise_predicts_nothing_too_well(folder):
    panel, findings = load_data(config(folder), reporter())
    assert not [each for each in findings if each.severity == "warning" and each.check == "predicts too well"]
    assert not list(check_own_data(panel, ["mood"], ["value"]))


def test_the_example_of_the_documentation_works(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "series.md").read_text()
    table = re.search(r"```csv\n(.*?)```", text, re.DOTALL)[1]
    data = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])["data"]
    path = tmp_path / data["series"]["recession"]["path"]
    path.write_text(table)
    data["series"]["recession"]["path"] = str(path)
    made = yaml.safe_load((Path(__file__).parents[2] / "configs" / "industries.yaml").read_text())
    example = RunConfig.model_validate({**made, "data": data, "output": str(tmp_path / "runs")})
    panel, _ = load_data(example, reporter())
    matrix = compute.make_features(panel, example)
    level = matrix.column("recession_level")[:, 0]
    # The trough of March 1991 counts from March 1992 on, and the peak of March 2001 from March 2002 on.
    changes = panel.dates[1:][np.diff(level) != 0]
    assert {"1992-03-31", "2002-03-31"} <= {f"{date:%Y-%m-%d}" for date in changes}
    assert matrix.column("recession_age")[-1, 0] == (panel.dates[-1] - pd.Timestamp("2009-06-30")).days


def test_a_table_known_at_the_end_of_its_periods_is_named(folder, tmp_path):
    def instant(rows):
        ends = pd.to_datetime(rows["date"]) + pd.offsets.MonthEnd(0)
        return rows.assign(date=ends, filed=ends).drop_duplicates(["asset", "date"])

    found = warnings_of(folder, tmp_path, instant)
    (one,) = [each for each in found if each.check == "known at once"]
    assert "known_at looks like the date of the period" in one.message


def test_assets_without_a_value_and_tables_that_ended_are_named(folder, tmp_path):
    first = pd.read_csv(folder / "value.csv")["asset"].iloc[0]
    found = warnings_of(folder, tmp_path, lambda rows: rows[rows["asset"] != first])
    (one,) = [each for each in found if each.check == "assets without values"]
    assert "no value of 1 asset of" in one.message
    assert first in one.message
    found = warnings_of(folder, tmp_path, lambda rows: rows[rows["date"] < "1995-01-01"])
    (one,) = [each for each in found if each.check == "ended"]
    assert "its features are missing until the last date" in one.message


@pytest.mark.parametrize("given", [{}, {"asset_column": "ticker"}])
def test_a_first_column_of_assets_is_not_the_column_of_dates(folder, tmp_path, given):
    rows = pd.read_csv(folder / "value.csv")
    rows = rows.rename(columns={"asset": "ticker", "date": "quarter_end"})
    rows[["ticker", "quarter_end", "filed", "score"]].to_csv(tmp_path / "value.csv", index=False)
    changes = {f"tables__value__{key}": value for key, value in given.items()}
    renamed = load_data(
        config(folder, tables__value__path=str(tmp_path / "value.csv"), **changes), reporter()
    )
    whole = load_data(config(folder), reporter())
    assert renamed[0].digest() == whole[0].digest()


def test_one_column_cannot_be_of_dates_and_of_assets(folder):
    with pytest.raises(SourceError, match="would be the column of dates, and holds assets"):
        load_data(config(folder, tables__value__date_column="asset"), reporter())
