"""Tables: one value a date and asset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.counts import format_count
from foundation.suggestions import list_names
from foundation.types import Floats, Indices, Ints, SmallInts
from market.as_of.asset_tables import AssetTable
from market.errors import IntegrityError, SourceError
from market.findings import INTERPRETATION, Finding, raise_if_fatal
from market.readers.dated.opening import read_source
from market.readers.dated.rows import Rows, date_known, read_rows
from market.readers.dated.series import name_columns
from market.readers.dated.settings import DatedSettings
from market.sources.kinds import Source
from market.sources.settings import FetchSettings
from market.text.names import check_clean, clean_name, lookalike_key


def load_tables(
    source: Path | Source,
    name: str,
    settings: DatedSettings,
    assets: Sequence[str],
    *,
    fetch: FetchSettings | None = None,
    known_by: pd.Timestamp | None = None,
) -> tuple[dict[str, AssetTable], tuple[Finding, ...]]:
    """Read the tables of a source.

    A long file has columns of dates, assets and values, a wide one a date and a column for each asset. Of several files
    without either, each has the values of the asset of its name. Empty cells are left out, as are assets that the panel
    does not have.

    Parameters
    ----------
    source : Path or Source
        A file, or another kind of source; several files are pieces of one table.
    name : str
        Name of the table; several columns of one long file are called `<name>_<column>`.
    settings : DatedSettings
    assets : sequence of str
        Those of the panel.
    fetch : FetchSettings, optional
        How to ask a source that is no local file.
    known_by : Timestamp, optional
        Read only what was known at the close of this date.

    Raises
    ------
    SourceError
        As `market.readers.dated.series.load_series`, and if no asset of the panel is in the file.
    IntegrityError
        If a cell is wrong, a value was known before the end of its period, two values contradict each other, or a name
        looks like that of an asset without being it.
    """
    made, findings = read_source(
        f"data.tables.{name}", source, fetch, lambda files, label: _read(files, label, name, settings, assets)
    )
    if known_by is not None:
        made = {each: table.known_by(known_by) for each, table in made.items()}
    return made, findings


def _read(
    files: Sequence[Path], source: str, name: str, settings: DatedSettings, assets: Sequence[str]
) -> tuple[dict[str, AssetTable], tuple[Finding, ...]]:
    """Return the tables of files, and how they were read."""
    by = f"data.tables.{name}"
    where = f"{by}: {source}"
    rows = read_rows(files, source, settings, by, assets=assets)
    if rows.lag is not None and rows.lag.unit == "observation" and not rows.periods.months:
        raise SourceError(f"{by}: lag: observations of a table have no regular distance; give days or months")
    if rows.labels is None:
        names, cells = {"": name}, {"": _spread(rows, assets)}
        findings: tuple[Finding, ...] = ()
    else:
        names = name_columns(by, name, rows.values, settings)
        asset, findings = _place_assets(where, rows, assets)
        cells = {column: _Cells(asset, None, value) for column, value in rows.values.items()}
    made = {
        names[column]: _make(where, column or name, names[column], rows, each, assets, settings)
        for column, each in cells.items()
    }
    return made, (*rows.findings, *findings)


@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells of a table: the asset of each (-1 for none of the panel), its row in the file, and its value.

    In a long file each row is one cell: `row` is None.
    """

    asset: SmallInts
    row: Ints | None
    value: Floats


def _spread(rows: Rows, assets: Sequence[str]) -> _Cells:
    """Return the cells of a wide table."""
    place = {asset: i for i, asset in enumerate(assets)}
    n = len(rows.usable)
    asset = np.repeat(np.array([place[name] for name in rows.values], dtype=np.int32), n)
    return _Cells(asset, np.tile(np.arange(n), len(rows.values)), np.concatenate(list(rows.values.values())))


def _place_assets(where: str, rows: Rows, assets: Sequence[str]) -> tuple[SmallInts, tuple[Finding, ...]]:
    """Return the place of each row's asset among those of the panel, -1 if it is none of them."""
    labels = rows.labels
    assert labels is not None  # noqa: S101  the caller has a long table
    written = {text: clean_name(text) for text in labels.texts}
    findings = raise_if_fatal([*check_clean(where, "assets", written), *_check_alike(where, written, assets)])
    place = {asset: i for i, asset in enumerate(assets)}
    places = np.array([place.get(written[text], -1) for text in labels.texts], dtype=np.int32)
    if not (places >= 0).any():
        raise SourceError(
            f"{where}: none of its assets is one of the panel: found {list_names(list(written.values()), 5)}, expected"
            f" {list_names(assets, 5)}"
        )
    others = int((places < 0).sum())
    if others:
        text = f"{where}: {format_count(others, 'asset')} that the prices do not have are left out"
        findings = (*findings, Finding(INTERPRETATION, "note", None, None, text))
    return places[labels.codes], findings


def _check_alike(where: str, written: dict[str, str], assets: Sequence[str]) -> Iterator[Finding]:
    """Find labels that are no assets, but look like one: they would be left out."""
    known = {lookalike_key(asset): asset for asset in assets}
    for label in written.values():
        asset = known.get(lookalike_key(label))
        if asset is not None and label not in assets:
            text = (
                f"{where}: {label!r} differs from the asset {asset!r} only in capital letters, blanks, quotes or the"
                " width of letters; write both alike"
            )
            yield Finding("asset name", "fatal", asset, None, text)


def _make(
    where: str,
    column: str,
    name: str,
    rows: Rows,
    cells: _Cells,
    assets: Sequence[str],
    settings: DatedSettings,
) -> AssetTable:
    """Return the table of one column."""
    records = _date_cells(rows, cells)
    check = _Check(f"{where}: column {column!r}", assets, records)
    check.refuse_infinite()
    check.refuse_early()
    records = _sort(records, len(assets))
    replace(check, records=records).refuse_twice()
    if rows.known is not None:
        records = _thin(records, len(assets))
    asset, value = records.asset, records.value
    clocks = _to_dates(records.observed), _to_dates(records.known)
    return AssetTable(name, tuple(assets), asset, *clocks, value, rows.max_age, settings.transform or "level")


@dataclass(frozen=True, eq=False)
class _Records:
    """Cells with a value: asset, days since 1970 of both clocks, value."""

    asset: SmallInts
    observed: SmallInts
    known: SmallInts
    value: Floats

    def take(self, rows: Indices) -> _Records:
        return _Records(self.asset[rows], self.observed[rows], self.known[rows], self.value[rows])


def _date_cells(rows: Rows, cells: _Cells) -> _Records:
    """Return the cells that have a value and an asset of the panel, with their clocks."""
    usable = rows.usable if cells.row is None else rows.usable[cells.row]
    used = np.flatnonzero(usable & ~np.isnan(cells.value) & (cells.asset >= 0))
    row = used if cells.row is None else cells.row[used]
    codes = rows.periods.codes[row]
    observed = _to_days(rows.periods.ends)[codes]
    if rows.known is None:
        known = _to_days(date_known(rows, np.ones(len(rows.usable), dtype=np.bool_)))[codes]
    else:
        known = _to_days(rows.known)[row]
    return _Records(cells.asset[used], observed, known, cells.value[used])


def _to_days(dates: pd.DatetimeIndex) -> SmallInts:
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64).astype(np.int32)


def _to_dates(days: SmallInts) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(days.astype("datetime64[D]").astype("datetime64[s]"))


def _rank(first: SmallInts, second: SmallInts, third: SmallInts, count: int) -> Ints:
    """Return one number for each triple, which orders them; `third` lies between 0 and `count`."""
    if not len(first):
        return np.zeros(0, dtype=np.int64)
    ranks = first.astype(np.int64) - int(first.min())
    ranks *= int(second.max()) - int(second.min()) + 1
    ranks += second
    ranks -= int(second.min())
    ranks *= count
    ranks += third
    return ranks


def _sort(records: _Records, n_assets: int) -> _Records:
    """Return records in the order in which they became known, then by period and asset."""
    ranks = _rank(records.known, records.observed, records.asset, n_assets)
    if (ranks[1:] >= ranks[:-1]).all():
        return records
    return records.take(np.argsort(ranks, kind="stable"))


def _thin(records: _Records, n_assets: int) -> _Records:
    """Return records without those that repeat the value that was known of their period before."""
    cells = _rank(records.observed, np.zeros_like(records.observed), records.asset, n_assets)
    order = np.argsort(cells, kind="stable")
    cells, value = cells[order], records.value[order]
    again = np.zeros(len(order), dtype=np.bool_)
    again[1:] = (cells[1:] == cells[:-1]) & (value[1:] == value[:-1])
    return records.take(np.sort(order[~again])) if again.any() else records


@dataclass(frozen=True, eq=False)
class _Check:
    """Checks of records, whose messages name the asset and the dates."""

    where: str
    assets: Sequence[str]
    records: _Records

    def refuse_infinite(self) -> None:
        wrong = np.isinf(self.records.value)
        if wrong.any():
            who, period, _ = self._describe(wrong)
            raise IntegrityError(f"{self.where}: the value of {who} of {period} is infinite")

    def refuse_early(self) -> None:
        early = self.records.known < self.records.observed
        if early.any():
            who, period, known = self._describe(early)
            raise IntegrityError(
                f"{self.where}: the value of {who} of the period that ends on {period} is said to be known on {known},"
                f" before that ({int(early.sum())} such rows); correct known_at, or say stamps: period_end if the dates"
                " are days and not beginnings of periods"
            )

    def refuse_twice(self) -> None:
        each = self.records
        twice = np.zeros(len(each.asset), dtype=np.bool_)
        for part in (each.asset, each.observed, each.known):
            same = part[1:] == part[:-1]
            twice[1:] = same if part is each.asset else twice[1:] & same
        if twice.any():
            who, period, known = self._describe(twice)
            raise IntegrityError(
                f"{self.where}: two values of {who} of {period} are known from {known} on; keep one, or name the column"
                " that tells their publication as known_at"
            )

    def _describe(self, wrong: NDArray[np.bool_]) -> tuple[str, str, str]:
        """Return the asset, the period and the date of knowledge of the first record that is marked."""
        first = int(np.argmax(wrong))
        observed, known = (
            _to_dates(each[first : first + 1])[0] for each in (self.records.observed, self.records.known)
        )
        return repr(self.assets[int(self.records.asset[first])]), f"{observed:%Y-%m-%d}", f"{known:%Y-%m-%d}"
