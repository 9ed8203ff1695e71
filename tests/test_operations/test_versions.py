"""Versions of data: each reads back to the last bit, nothing that was recorded is lost, and tampering shows."""

import datetime as dt
import json
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from panels import assert_same, in_other_units, macro_changed, macro_without, value_changed, without_dates
from synthetic import make_panel

from market.as_of.asset_tables import AssetTable
from market.load import load_panel
from market.macro import MacroSeries
from operations.data.long_format import narrow_types
from operations.data.versions import Versions
from operations.errors import OperationsError, RevisedError
from pipeline.errors import LedgerError

NOW = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
LATE = pd.Timestamp("2020-01-02")


@pytest.fixture
def versions(tmp_path):
    return Versions(tmp_path / "data")


def keep(versions, panel, *, accept=False, known_by=LATE):
    return versions.record(panel, {"source": "test"}, now=NOW, known_by=known_by, accept_revisions=accept)


def known(panel, row):
    """Return what was known at the close of a row."""
    return panel.as_of(panel.dates[row])


def contents(versions):
    return {path.name: path.read_bytes() for path in versions.folder.iterdir()}


PANELS = {
    "monthly": lambda: make_panel(n_dates=60, n_assets=5),
    "daily": lambda: make_panel("daily", n_dates=80, n_assets=9, seed=3),
    "bare": lambda: make_panel(n_dates=40, n_assets=4, macro=False, bars=False),
    "one asset": lambda: make_panel(n_dates=30, n_assets=1, seed=5),
    "industries": lambda: load_panel("industries")[0],
    "stocks": lambda: load_panel("stocks")[0],
}


@pytest.mark.parametrize("kind", PANELS)
def test_each_version_reads_back_to_the_last_bit(kind, versions):
    panel = PANELS[kind]()
    cuts = sorted(np.random.default_rng(7).choice(np.arange(2, len(panel.dates) - 1), 3, replace=False))
    stages = [*(known(panel, cut) for cut in cuts), panel]
    for number, stage in enumerate(stages, start=1):
        made = keep(versions, stage).version
        assert (made.version, made.kind) == (number, "first" if number == 1 else "append")
        assert made.revised == {"added": 0, "changed": 0, "removed": 0}
    for number, stage in enumerate(stages, start=1):
        assert_same(versions.read(number), stage)
    assert_same(versions.read(), panel)
    assert versions.verify() == []
    assert [v.dates_new for v in versions.log()] == np.diff([0, *(len(s.dates) for s in stages)]).tolist()


def test_the_files_say_the_same_to_any_reader_of_parquet(versions):
    """An oracle that knows nothing of the code: of each cell the last word of pandas' own reading."""
    panel = make_panel(n_dates=40, n_assets=5)
    keep(versions, known(panel, 20))
    keep(versions, panel)
    revised = value_changed(panel, 7, 0, 0.123)
    keep(versions, revised, accept=True)
    said = {}
    for file in sorted(versions.folder.glob("*.parquet")):
        for row in pd.read_parquet(file).itertuples():
            if row.field in ("returns", "volume", "close", "cash"):
                said[row.field, row.asset, row.date] = (row.change, row.value)
    for name in ("returns", "volume", "close"):
        table = getattr(revised, name)
        for t, date in enumerate(revised.dates):
            for j, asset in enumerate(revised.assets):
                change, value = said.get((name, asset, date), ("removed", np.nan))
                assert change != "removed" or np.isnan(table[t, j])
                np.testing.assert_equal(np.nan if change == "removed" else value, table[t, j])
    assert [said["cash", "", date][1] for date in revised.dates] == revised.cash.tolist()


def test_nothing_new_makes_no_version_and_writes_nothing(versions):
    panel = make_panel(n_dates=30)
    keep(versions, panel)
    before = contents(versions)
    recorded = keep(versions, make_panel(n_dates=30))
    assert recorded.difference is None
    assert recorded.version == recorded.before == versions.log()[-1]
    assert contents(versions) == before


def test_an_append_writes_what_is_new_alone(versions):
    panel = make_panel("daily", n_dates=400, n_assets=10)
    keep(versions, known(panel, 398))
    keep(versions, panel)
    changes = versions.changes(2)
    new = changes[~changes["field"].str.startswith("macro/")]
    assert set(new["date"]) == {panel.dates[399]}
    assert len(new) <= 2 + 7 * 10
    sizes = [(versions.folder / v.file).stat().st_size for v in versions.log()]
    assert sizes[1] < sizes[0] / 10


def test_odd_bits_are_kept(versions):
    panel = make_panel(n_dates=30, n_assets=4, late=False, deaths=False, holes=False)
    returns = panel.returns.copy()
    returns[3, 0] = -0.0
    returns[4, 1] = np.nan
    odd = np.array([0x7FF8000000000001, 0xFFF8000000000000], dtype=np.uint64).view(np.float64)
    returns[5:7, 2] = odd  # a NaN with a payload, and the one that x86 makes of 0 / 0
    returns[8, 3] = 5e-324
    cash = panel.cash.copy()
    cash[2] = odd[1]
    panel = replace(panel, returns=returns, cash=cash)
    keep(versions, known(panel, 10))
    keep(versions, panel)
    assert_same(versions.read(), panel)
    flipped = value_changed(panel, 3, 0, 0.0)
    assert keep(versions, flipped).version.revised == {"added": 0, "changed": 1, "removed": 0}
    assert_same(versions.read(2), panel)
    assert_same(versions.read(3), flipped)


def test_a_revision_is_told_refused_and_never_lost(versions):
    panel = make_panel(n_dates=30, n_assets=3, late=False, deaths=False, holes=False)
    keep(versions, panel)
    before = contents(versions)
    revised = value_changed(value_changed(panel, 4, 1, 0.5), 6, 2, panel.returns[6, 2] + 1e-9)
    with pytest.raises(RevisedError) as refused:
        keep(versions, revised)
    message = str(refused.value)
    assert "2 cells changed" in message
    assert f"returns of A01 on {panel.dates[4]:%Y-%m-%d} was {panel.returns[4, 1]:.10g}, is 0.5" in message
    assert f"returns of A02 on {panel.dates[6]:%Y-%m-%d}" in message
    assert "--accept-revisions" in message
    assert contents(versions) == before
    made = keep(versions, revised, accept=True).version
    assert (made.kind, made.revised["changed"], made.dates_new) == ("revision", 2, 0)
    assert made.largest == {
        "field": "returns",
        "asset": "A01",
        "date": f"{panel.dates[4]:%Y-%m-%d}",
        "old": panel.returns[4, 1],
        "new": 0.5,
    }
    changes = versions.changes(2)
    assert changes["old"].tolist() == [panel.returns[4, 1], panel.returns[6, 2]]
    assert_same(versions.read(1), panel)
    assert_same(versions.read(2), revised)


def test_a_revision_may_come_with_new_dates(versions):
    panel = make_panel(n_dates=30, n_assets=3, late=False, deaths=False, holes=False)
    keep(versions, known(panel, 26))
    revised = value_changed(panel, 4, 1, 0.5)
    made = keep(versions, revised, accept=True).version
    assert (made.kind, made.dates_new, made.revised) == (
        "revision",
        3,
        {"added": 0, "changed": 1, "removed": 0},
    )
    assert_same(versions.read(1), known(panel, 26))
    assert_same(versions.read(2), revised)


def test_a_new_asset_without_a_past_is_no_revision(versions):
    panel = make_panel(n_dates=30, n_assets=4, late=False, deaths=False, holes=False)
    tables = ("returns", "volume", "open", "high", "low", "close", "vwap")
    unlisted = {name: getattr(panel, name).copy() for name in tables}
    for values in unlisted.values():
        values[:25, 1] = np.nan
    panel = replace(panel, **unlisted)
    keep(versions, narrow_types(known(panel, 24), ("A00", "A02", "A03")))
    made = keep(versions, panel).version
    assert (made.kind, made.assets_new, made.assets_gone) == ("append", ("A01",), ())
    assert_same(versions.read(), panel)


def test_a_new_asset_with_a_past_is_a_revision(versions):
    panel = make_panel(n_dates=30, n_assets=4, late=False, deaths=False, holes=False)
    keep(versions, narrow_types(known(panel, 24), ("A00", "A02", "A03")))
    with pytest.raises(RevisedError, match=r"cells? added.*\n.*added: .* of A01"):
        keep(versions, panel)
    made = keep(versions, panel, accept=True).version
    assert (made.kind, made.assets_new, made.revised["added"]) == ("revision", ("A01",), 7 * 25)
    assert_same(versions.read(1), narrow_types(known(panel, 24), ("A00", "A02", "A03")))
    assert_same(versions.read(2), panel)


def test_an_asset_that_vanished_is_a_revision(versions):
    panel = make_panel(n_dates=30, n_assets=4)
    keep(versions, known(panel, 24))
    fewer = narrow_types(panel, ("A00", "A02", "A03"))
    with pytest.raises(RevisedError, match=r"asset gone from the source: A01"):
        keep(versions, fewer)
    assert keep(versions, fewer, accept=True).version.assets_gone == ("A01",)
    assert_same(versions.read(2), fewer)
    assert_same(versions.read(1), known(panel, 24))


def test_dates_that_vanished_and_dates_that_came_late_are_revisions(versions):
    panel = make_panel(n_dates=30, n_assets=3)
    fewer = without_dates(panel, [5, 11])
    keep(versions, fewer)
    with pytest.raises(RevisedError, match=f"added: .* on {panel.dates[5]:%Y-%m-%d}"):
        keep(versions, panel)
    keep(versions, panel, accept=True)
    with pytest.raises(RevisedError, match=f"removed: .* on {panel.dates[5]:%Y-%m-%d}"):
        keep(versions, fewer)
    keep(versions, fewer, accept=True)
    for number, stage in enumerate((fewer, panel, fewer), start=1):
        assert_same(versions.read(number), stage)


def test_prices_in_another_unit_are_recorded_as_what_they_are(versions):
    """After a dividend or split a vendor multiplies the past of adjusted prices: nobody has changed his mind."""
    panel = make_panel(n_dates=30, n_assets=3)
    turned = in_other_units(panel, [0.25, 1.0, 0.98765])
    keep(versions, known(panel, 24))
    made = keep(versions, turned).version
    assert (made.kind, made.dates_new) == ("restatement", 5)
    assert made.revised["changed"] > 6 * 20
    assert_same(versions.read(1), known(panel, 24))
    assert_same(versions.read(2), turned)


def test_volumes_may_follow_a_split_of_one_asset_and_stay_at_a_dividend_of_another(versions):
    panel = make_panel(n_dates=30, n_assets=3)
    volume = panel.volume.copy()
    volume[[3, 9], 0] = 0.0
    panel = replace(panel, volume=volume)
    turned = in_other_units(panel, [0.25, 1.0, 0.98765])
    # Of the first a split, of the last a dividend, and in the other panel a split and a dividend of the first.
    one = replace(turned, volume=volume * [4.0, 1.0, 1.0])
    both = replace(in_other_units(panel, [0.25 * 0.98765, 1.0, 1.0]), volume=volume * [4.0, 1.0, 1.0])
    keep(versions, known(panel, 24))
    assert keep(versions, known(one, 26)).version.kind == "restatement"
    assert keep(versions, known(both, 28)).version.kind == "restatement"
    in_part = np.where(np.arange(30)[:, None] < 5, [2.0, 1.0, 1.0], 1.0)
    with pytest.raises(RevisedError, match="volume of A00"):
        keep(versions, replace(in_other_units(panel, [0.5, 1.0, 1.0]), volume=volume * in_part))


def test_what_only_looks_like_another_unit_is_a_revision(versions):
    panel = make_panel(n_dates=30, n_assets=3)
    keep(versions, panel)
    halves = in_other_units(panel, [0.5, 1.0, 1.0], slice(0, 15))
    dearer = replace(panel, high=panel.high * [1.01, 1.0, 1.0])
    traded = replace(panel, volume=panel.volume * [1.0, 3.0, 1.0])
    richer = value_changed(panel, 4, 0, panel.returns[4, 0] + 2e-6)
    cash = replace(panel, cash=panel.cash + 1e-12)
    for other in (halves, dearer, traded, richer, cash, macro_changed(panel, "wti", 2, 50.0)):
        with pytest.raises(RevisedError):
            keep(versions, other)
    assert len(versions.log()) == 1


def test_a_macro_series_has_two_clocks_in_the_store_too(versions):
    panel = make_panel(n_dates=30)
    keep(versions, known(panel, 25))
    name = next(iter(panel.macro))
    for revised in (macro_changed(panel, name, 3, 9.5), macro_without(panel, name, 3)):
        with pytest.raises(RevisedError, match=f"macro/{name} on "):
            keep(versions, revised)
    with pytest.raises(RevisedError, match=f"macro series gone from the source: {name}"):
        keep(versions, replace(panel, macro={k: s for k, s in panel.macro.items() if k != name}))
    keep(versions, macro_without(panel, name, 3), accept=True)
    assert_same(versions.read(2), macro_without(panel, name, 3))
    assert_same(versions.read(1), known(panel, 25))


def test_observations_that_share_both_clocks_are_kept_apart(versions):
    panel = make_panel(n_dates=30)
    stamps = panel.dates[[3, 5, 5, 5, 8]]
    series = MacroSeries("rate", np.array([1.0, 2.0, 3.0, np.nan, 5.0]), stamps, stamps, 100)
    panel = replace(panel, macro={"rate": series})
    keep(versions, known(panel, 6))
    keep(versions, panel)
    assert_same(versions.read(1), known(panel, 6))
    assert_same(versions.read(2), panel)
    keep(versions, macro_without(panel, "rate", 2), accept=True)
    assert_same(versions.read(3), macro_without(panel, "rate", 2))


def test_assets_in_another_order_are_the_same_data(versions):
    panel = make_panel(n_dates=30, n_assets=3)
    keep(versions, known(panel, 28))
    turned = narrow_types(panel, ("A02", "A00", "A01"))
    assert keep(versions, turned).version.kind == "append"
    assert_same(versions.read(), turned)
    assert keep(versions, panel).version.rows == {"added": 0, "changed": 0, "removed": 0}
    assert_same(versions.read(), panel)


def test_whatever_a_source_does_every_version_stays(versions):
    """Random changes of mind, one after the other: each state must read back, also after all the others."""
    rng = np.random.default_rng(11)
    whole = make_panel(n_dates=42, n_assets=5, seed=4)
    end, result = 30, []
    panel = known(whole, end)
    for _ in range(14):
        kept = rng.choice(whole.assets, rng.integers(2, 6), replace=False).tolist()
        row = int(rng.integers(1, 25))
        panel = [
            lambda p: p,
            lambda p, row=row: value_changed(p, row, 0, float(rng.normal(0, 0.1))),
            lambda p, row=row: value_changed(p, row, 1, np.nan),
            lambda p, row=row: without_dates(p, [row, row + 3]),
            lambda p, row=row: macro_changed(p, "wti", row // 4, float(rng.normal())),
            lambda p, row=row: macro_without(p, "core_cpi", row // 4),
            lambda p, kept=kept: narrow_types(p, kept),
            lambda p: replace(p, volume=None),
        ][rng.integers(8)](known(whole, end))
        end = min(end + int(rng.integers(0, 2)), 41)
        keep(versions, panel, accept=True)
        if not result or result[-1].digest() != panel.digest():
            result.append(panel)
    assert len(versions.log()) == len(result) > 8
    for number, stage in enumerate(result, start=1):
        assert_same(versions.read(number), stage)


def test_one_date_is_enough(versions):
    panel = make_panel(n_dates=5)
    keep(versions, known(panel, 0))
    keep(versions, known(panel, 1))
    assert_same(versions.read(1), known(panel, 0))
    assert_same(versions.read(2), known(panel, 1))


def test_what_was_known_earlier_is_read_and_not_recorded(versions):
    panel = make_panel(n_dates=30)
    keep(versions, panel)
    with pytest.raises(
        OperationsError, match=r"as of 2019-01-01.*version 1 knows the source as of 2020-01-02"
    ):
        keep(versions, known(panel, 20), known_by=pd.Timestamp("2019-01-01"))


def test_a_version_that_does_not_exist_is_named(versions):
    with pytest.raises(OperationsError, match="no data was recorded yet"):
        versions.read()
    keep(versions, make_panel(n_dates=30))
    for number in (0, 2, -1):
        with pytest.raises(OperationsError, match=f"no version {number}, there are 1 to 1"):
            versions.read(number)


@pytest.mark.parametrize("place", [0, 100, -100, -1])
def test_a_tampered_file_shows(versions, place):
    panel = make_panel(n_dates=30)
    keep(versions, known(panel, 20))
    keep(versions, panel)
    file = versions.folder / "000001.parquet"
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    for attempt in (versions.verify, versions.read, lambda: versions.read(1)):
        with pytest.raises(LedgerError, match=r"000001.parquet: not the file that version 1"):
            attempt()


def test_a_missing_file_and_a_tampered_line_show(versions):
    panel = make_panel(n_dates=30)
    keep(versions, known(panel, 20))
    keep(versions, panel)
    chain = versions.chain.path.read_text()
    versions.chain.path.write_text(chain.replace(versions.log()[0].sha256, "0" * 64))
    with pytest.raises(LedgerError, match="line 1: the chain of hashes is broken"):
        versions.verify()
    versions.chain.path.write_text("".join(chain.splitlines(keepends=True)[1:]))
    with pytest.raises(LedgerError, match="line 1: the chain of hashes is broken"):
        versions.read()
    versions.chain.path.write_text(chain)
    (versions.folder / "000002.parquet").unlink()
    with pytest.raises(LedgerError, match=r"000002.parquet: missing"):
        versions.verify()
    assert_same(versions.read(1), known(panel, 20))


def test_a_file_without_a_line_is_no_version_and_is_removed(versions):
    panel = make_panel(n_dates=30)
    keep(versions, known(panel, 20))
    for name in ("000002.parquet", ".partial-abc"):
        (versions.folder / name).write_bytes(b"half")
    with versions.chain.path.open("a") as file:
        file.write('{"version": 2, "fi')  # the line was being written
    assert versions.verify() == [".partial-abc", "000002.parquet"]
    assert_same(versions.read(), known(panel, 20))
    keep(versions, panel)
    assert versions.verify() == []
    assert_same(versions.read(2), panel)


def in_a_process(work):
    """Start a copy of this process that does `work` and ends; return its number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def test_a_kill_at_any_moment_leaves_before_or_after(tmp_path):
    versions, panel, rng = Versions(tmp_path / "data"), make_panel(n_dates=90), np.random.default_rng(0)
    seen, killed = 0, 0

    def go_on():
        for row in range(max(seen, 1) - 1 + 20, 90):
            keep(versions, known(panel, row))

    while killed < 8 or (seen <= 5 and killed < 80):  # a busy machine records little before a kill
        child = in_a_process(go_on)
        time.sleep(rng.uniform(0.05, 0.6))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        killed += 1
        log = versions.log()
        assert len(log) >= seen
        seen = len(log)
        if log:
            versions.verify()
            for version in (log[0], *log[-2:]):
                assert_same(versions.read(version.version), known(panel, version.dates - 1))
    assert seen > 5
    keep(versions, panel)
    assert versions.verify() == []
    assert_same(versions.read(), panel)


def test_processes_at_once_record_the_same_once(tmp_path):
    versions, panel = Versions(tmp_path / "data"), make_panel(n_dates=60)
    for row in (20, 40, 59):
        children = [in_a_process(lambda row=row: keep(versions, known(panel, row))) for _ in range(4)]
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert [version.dates for version in versions.log()] == [21, 41, 60]
    assert_same(versions.read(), known(panel, 59))


def test_a_line_tells_what_came(versions):
    panel = make_panel(n_dates=30)
    keep(versions, known(panel, 20))
    keep(versions, panel)
    line = json.loads(versions.chain.path.read_text().splitlines()[1])
    assert (line["at"], line["known_by"]) == ("2020-01-02T03:04:05+00:00", "2020-01-02T00:00:00")
    assert (line["kind"], line["dates_new"], line["dates"], line["assets"]) == ("append", 9, 30, 6)
    assert (line["source"], line["digest"]) == ({"source": "test"}, panel.digest())


def test_a_version_that_was_recorded_while_a_clock_was_ahead_does_not_stand_in_the_way(versions):
    panel = make_panel(n_dates=40)
    keep(versions, known(panel, 20), known_by=pd.Timestamp("2999-01-01"))
    keep(versions, known(panel, 22))
    assert len(versions.log()) == 2
    # Nor does one of the past whose time cannot be right: it ends before the panel does.
    keep(versions, known(panel, 24), known_by=LATE - pd.Timedelta(days=1))
    assert len(versions.log()) == 3


def with_own_data(panel, seed=0):
    """Return the panel with a revised series and a revised table of the user's."""
    rng = np.random.default_rng(seed)
    observed = panel.dates.repeat(2)
    known = observed + pd.to_timedelta(np.tile([20, 75], len(panel.dates)), unit="D")
    order = np.lexsort((observed.asi8, known.asi8))
    series = MacroSeries(
        "cpi", rng.lognormal(size=len(order)), observed[order], known[order], 200, "log_change_3", 1
    )
    asset = np.tile(np.arange(len(panel.assets)), len(order))
    rows = order.repeat(len(panel.assets))
    values = rng.normal(size=len(rows))
    table = AssetTable("value", panel.assets, asset, observed[rows], known[rows], values, 300, "change_1")
    return replace(panel, macro={**panel.macro, "cpi": series}, tables={"value": table})


def test_revised_series_and_tables_are_kept_and_only_new_records_are_added(versions):
    whole = with_own_data(make_panel(n_dates=40, n_assets=4))
    kinds = []
    for row in (20, 21, 30, 39):
        kinds.append(keep(versions, known(whole, row)).version.kind)
        assert_same(versions.read(), known(whole, row))
        assert versions.read().digest() == known(whole, row).digest()
    assert kinds == ["first", "append", "append", "append"]
    changes = versions.changes(2)
    mine = changes[changes["field"].isin(["macro/cpi", "table/value"])]
    assert (mine["change"] == "added").all()
    assert (mine["date"] > whole.dates[20]).all()
    assert (mine["date"] <= whole.dates[21]).all()
    assert len(mine) > 0


def test_a_changed_or_late_record_of_a_table_is_a_revision(versions):
    panel = with_own_data(make_panel(n_dates=30, n_assets=3))
    keep(versions, panel)
    table = panel.tables["value"]
    values = table.value.copy()
    values[4] += 1.0
    with pytest.raises(RevisedError, match=r"table/value of \w+ on \d{4}-\d\d-\d\d was"):
        keep(versions, replace(panel, tables={"value": replace(table, value=values)}))
    with pytest.raises(RevisedError, match="table value: max_age_days was 300, is 90"):
        keep(versions, replace(panel, tables={"value": replace(table, max_age_days=90)}))
    with pytest.raises(RevisedError, match="table of yours gone from the source: value"):
        keep(versions, replace(panel, tables={}))
    other = replace(panel.macro["cpi"], transform="level")
    with pytest.raises(RevisedError, match="macro series cpi: transform was log_change_3, is level"):
        keep(versions, replace(panel, macro={**panel.macro, "cpi": other}))
    assert keep(versions, panel).difference is None
