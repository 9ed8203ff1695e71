"""Prices, universe, delistings, series and tables together: what became known later changes nothing before."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console

from pipeline.config import read_config_file
from pipeline.progress import Reporter
from pipeline.stages.compute import make_features
from pipeline.stages.loading import load_data

DAYS = pd.bdate_range("2004-01-01", "2015-12-31")
DATE = pd.Timestamp("2013-12-31")
CLOCKS = {"p.csv": "date", "m.csv": "known_at", "d.csv": "date", "s.csv": "known", "t.csv": "known"}
"""Column of each file that says when a row counts."""


def make_tables():
    """Return five files: long prices, flags of members, delistings, a series with vintages, a table with revisions."""
    rng = np.random.default_rng(0)
    names = list("ABCDEF")
    prices = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, (len(DAYS), len(names))), axis=0))
    table = pd.DataFrame(prices, index=DAYS.rename("date"), columns=names)
    table.loc["2012-05-11":, "E"] = np.nan
    table.loc["2014-06-11":, "F"] = np.nan
    long = table.melt(ignore_index=False, var_name="asset", value_name="price").dropna().reset_index()
    long["close"] = long["price"] * 2
    flags = [
        (name, day, member, day + pd.Timedelta(days=int(rng.integers(0, 20))))
        for name in names
        for day, member in (
            ("2004-01-05", 1),
            ("2011-03-02", int(name != "B")),
            ("2014-02-03", int(name != "C")),
        )
        for day in [pd.Timestamp(day)]
    ]
    months = pd.date_range("2003-01-31", DAYS[-1], freq="ME")
    waits = np.tile([20, 50], len(months))
    values = 100 * np.exp(np.cumsum(rng.normal(0.002, 0.01, 2 * len(months))))
    series = pd.DataFrame({"date": months.repeat(2), "value": values})
    series["known"] = series["date"] + pd.to_timedelta(waits, unit="D")
    owned = pd.DataFrame({"date": months[::3].repeat(6), "asset": names * len(months[::3])})
    owned["known"] = owned["date"] + pd.to_timedelta(rng.integers(30, 80, len(owned)), unit="D")
    owned["value"] = rng.normal(size=len(owned))
    ends = pd.DataFrame(
        {"asset": ["E", "F"], "date": pd.to_datetime(["2012-05-11", "2014-06-11"]), "return": [-0.5, -0.9]}
    )
    return {
        "p.csv": long.sort_values(["date", "asset"]),
        "m.csv": pd.DataFrame(flags, columns=["asset", "date", "member", "known_at"]),
        "d.csv": ends,
        "s.csv": series.sort_values(["known", "date"]),
        "t.csv": owned,
    }


def write(folder, tables, start):
    """Write the files and a configuration that leaves all settings to the data."""
    folder.mkdir()
    for name, table in tables.items():
        table.to_csv(folder / name, index=False)
    files = {name: str(folder / name) for name in tables}
    own = {"column": "value", "known_at": "known", "max_age": "1 year"}
    data = {
        "path": files["p.csv"],
        "traded": "close",
        "frequency": "monthly",
        "universe": {"path": files["m.csv"], "delistings": files["d.csv"]},
        "series": {"s": {"path": files["s.csv"], **own, "features": ["level", "surprise", "zscore_12"]}},
        "tables": {"t": {"path": files["t.csv"], **own, "features": ["level", "rank"]}},
    } | start
    content = {"name": "x", "data": data, "output": str(folder / "runs")}
    (folder / "x.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(content))))
    return folder / "x.yaml"


def known(tables):
    """Return the rows that count by the date."""
    return {name: table[table[CLOCKS[name]] <= DATE] for name, table in tables.items()}


def changed(tables):
    """Return the tables with other values in the rows that count later."""
    out = {}
    for name, table in tables.items():
        later = table[CLOCKS[name]] > DATE
        new = table.copy()
        for column in {"price", "close", "value", "return"} & set(table):
            new.loc[later, column] *= 0.9
        if "member" in table:
            new.loc[later, "member"] = 1 - new.loc[later, "member"]
        out[name] = new
    return out


@pytest.mark.parametrize("change", [known, changed])
@pytest.mark.parametrize("start", [{}, {"frequency": "W-FRI"}])
def test_what_became_known_later_changes_nothing_before(tmp_path, change, start):
    tables = make_tables()
    assert all(len(table) < len(tables[name]) for name, table in known(tables).items()), "each file goes on"
    whole, other = write(tmp_path / "a", tables, start), write(tmp_path / "b", change(tables), start)
    quiet = Reporter(Console(quiet=True))
    one, two = (read_config_file(file, DATE).config for file in (whole, other))
    free = {"data", "output"}
    assert one.model_dump(exclude=free) == two.model_dump(exclude=free)
    all_of_it = load_data(one, quiet)[0]
    panel, again = (load_data(config, quiet, known_by=DATE)[0] for config in (one, two))
    assert panel.digest() == again.digest()
    assert panel.dates[-1] <= DATE < all_of_it.dates[-1]
    np.testing.assert_array_equal(panel.traded, again.traded)
    for name in ("returns", "member", "delisted", "market", "traded"):
        np.testing.assert_array_equal(
            getattr(panel, name), getattr(all_of_it, name)[: len(panel.dates)], err_msg=name
        )
    assert panel.delisted.any()
    assert not panel.member[-1].all()
    first, second, third = (
        make_features(each, config) for each, config in ((panel, one), (again, two), (all_of_it, one))
    )
    assert {"s_surprise", "t_rank"} <= set(first.names)
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.values, third.values[: len(panel.dates)])
