"""Updates from lists of files and queries: what was read is recorded, and a new or lost file is named."""

import datetime as dt
import io
import shutil
from pathlib import Path

import pandas as pd
import pytest
from own_prices import settings, write_prices
from rich.console import Console

from operations.data.updating import update, versions_of
from operations.errors import RevisedError
from pipeline.config import RunConfig
from pipeline.progress import Reporter

NOW = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def run_update(config, now=NOW, **options):
    """Update, and return the result and what was printed."""
    console = Console(width=200, record=True, file=io.StringIO())
    result = update(config, Reporter(console), now=now, **options)
    return result, console.export_text()


@pytest.fixture
def config(tmp_path, monkeypatch):
    """One asset a file in the folder prices."""
    monkeypatch.chdir(tmp_path)
    write_prices(tmp_path / "prices.csv", n_dates=200)
    table = pd.read_csv("prices.csv", index_col="date")
    Path("prices").mkdir()
    for name in table:
        table[[name]].rename(columns={name: "close"}).dropna().to_csv(f"prices/{name}.csv")
    content = settings(tmp_path, 200)
    content["data"] = {"source": "prices", "path": "prices"}
    return RunConfig.model_validate(content)


def test_a_version_records_the_files_that_were_read(config):
    result, text = run_update(config)
    (read,) = result.recorded.version.source["read"]
    assert read["files"] == sorted(str(path) for path in Path("prices").iterdir())
    assert "new data" in text


def test_a_new_file_is_a_change_of_data_and_named(config):
    run_update(config)
    first = sorted(Path("prices").iterdir())[0]
    shutil.copy(first, "prices/Z.csv")
    with pytest.raises(RevisedError, match=r"(?s)rewritten the past.*1 new file: 'prices/Z.csv'"):
        run_update(config)
    result, text = run_update(config, accept_revisions=True)
    assert result.recorded.version.assets_new == ("Z",)
    assert "1 new file: 'prices/Z.csv'" in text
    Path("prices/Z.csv").unlink()
    with pytest.raises(
        RevisedError, match=r"(?s)1 lost file: 'prices/Z.csv'.*assets? gone from the source: Z"
    ):
        run_update(config)


def test_a_database_is_updated_like_a_file(tmp_path, monkeypatch, config):
    import sqlite3

    table = pd.read_csv("prices.csv")
    content = settings(tmp_path, 200)
    content["data"] = {
        "source": "prices",
        "sql": {"url": "sqlite:///p.db", "query": "select * from p order by date"},
    }
    config = RunConfig.model_validate(content)

    def write(rows):
        with sqlite3.connect("p.db") as connection:
            rows.to_sql("p", connection, index=False, if_exists="replace")
        connection.close()

    write(table.iloc[:-3])
    run_update(config)
    write(table)
    second, _ = run_update(config)
    assert second.recorded.version.kind == "append"
    assert second.recorded.version.dates_new == 3
    (read,) = second.recorded.version.source["read"]
    assert dt.datetime.fromisoformat(read["filled_at"]).tzinfo is not None
    third, _ = run_update(config)
    assert third.recorded.difference is None
    assert len(versions_of(config).log()) == 2
