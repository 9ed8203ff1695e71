"""Files of tables: one value a date and asset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.suggestions import list_names
from foundation.types import Floats, Ints
from market.as_of.asset_tables import AssetTable
from market.errors import IntegrityError, SourceError
from market.findings import Finding, raise_if_fatal
from market.readers.dated.rows import Rows, place_known, read_rows, refuse_infinite, thin_vintages
from market.readers.dated.series import name_columns
from market.readers.dated.settings import DatedSettings
from market.text.names import check_clean, clean_name, lookalike_key


def load_tables(
    path: Path,
    name: str,
    settings: DatedSettings,
    assets: Sequence[str],
    *,
    known_by: pd.Timestamp | None = None,
) -> tuple[dict[str, AssetTable], tuple[Finding, ...]]:
    """Read the tables of a CSV or Parquet file.

    A long file has columns of dates, assets and values, a wide one a date and a column for each asset. Empty cells are
    left out, as are assets that the panel does not have.

    Parameters
    ----------
    path : Path
    name : str
        Name of the table; several columns of one long file are called `<name>_<column>`.
    settings : DatedSettings
    assets : sequence of str
        Those of the panel.
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
    by = f"data.tables.{name}"
    where = f"{by}: {path}"
    rows = read_rows(Path(path), settings, by, is_table=True, assets=assets)
    if rows.lag is not None and rows.lag.unit == "observation" and not rows.periods.months:
        raise SourceError(f"{by}: lag: observations of a table have no regular distance; give days or months")
    if rows.labels is None:
        names, cells = {"": name}, {"": _spread(rows, assets)}
        findings: tuple[Finding, ...] = ()
    else:
        names = name_columns(by, name, rows.values, settings)
        asset, findings = _place_assets(where, rows, assets)
        every = np.arange(len(asset))
        cells = {column: _Cells(asset, every, value) for column, value in rows.values.items()}
    made = {
        names[column]: _make(where, column or name, names[column], rows, each, assets, settings)
        for column, each in cells.items()
    }
    if known_by is not None:
        made = {each: table.known_by(known_by) for each, table in made.items()}
    return made, (*rows.findings, *findings)


@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells of a table: the asset of each (-1 for none of the panel), its row in the file, and its value."""

    asset: Ints
    row: Ints
    value: Floats


def _spread(rows: Rows, assets: Sequence[str]) -> _Cells:
    """Return the cells of a wide table."""
    place = {asset: i for i, asset in enumerate(assets)}
    n = len(rows.usable)
    asset = np.repeat([place[name] for name in rows.values], n)
    return _Cells(asset, np.tile(np.arange(n), len(rows.values)), np.concatenate(list(rows.values.values())))


def _place_assets(where: str, rows: Rows, assets: Sequence[str]) -> tuple[Ints, tuple[Finding, ...]]:
    """Return the place of each row's asset among those of the panel, -1 if it is none of them."""
    labels = rows.labels
    assert labels is not None  # noqa: S101  the caller has a long table
    written = {text: clean_name(text) for text in labels.texts}
    findings = raise_if_fatal([*check_clean(where, "assets", written), *_check_alike(where, written, assets)])
    place = {asset: i for i, asset in enumerate(assets)}
    places = np.array([place.get(written[text], -1) for text in labels.texts], dtype=np.int64)
    if not (places >= 0).any():
        raise SourceError(
            f"{where}: none of its assets is one of the panel: found {list_names(list(written.values()), 5)}, expected"
            f" {list_names(assets, 5)}"
        )
    others = int((places < 0).sum())
    if others:
        text = f"{where}: {format_count(others, 'asset')} that the prices do not have are left out"
        findings = (*findings, Finding("interpretation", "note", None, None, text))
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
    used = rows.usable[cells.row] & ~np.isnan(cells.value) & (cells.asset >= 0)
    asset, row, value = cells.asset[used], cells.row[used], cells.value[used]
    every = np.ones(len(rows.usable), dtype=np.bool_)
    ends, known = rows.periods.ends[rows.periods.codes[row]], place_known(rows, every)[row]
    refuse_infinite(where, column, value, ends)
    _refuse_early(where, column, assets, asset, ends, known)
    order = np.lexsort((asset, ends.asi8, known.asi8))
    asset, ends, known, value = asset[order], ends[order], known[order], value[order]
    _refuse_twice(where, column, assets, asset, ends, known)
    if rows.known is not None:
        frame = pd.DataFrame({"asset": asset, "observed": ends, "value": value})
        kept = thin_vintages(frame, ["asset", "observed"]).index.to_numpy()
        asset, ends, known, value = asset[kept], ends[kept], known[kept], value[kept]
    transform = settings.transform or "level"
    return AssetTable(name, tuple(assets), asset, ends, known, value, rows.max_age, transform)


def _refuse_early(
    where: str,
    column: str,
    assets: Sequence[str],
    asset: Ints,
    ends: pd.DatetimeIndex,
    known: pd.DatetimeIndex,
) -> None:
    """Raise if a value was known before the end of its period."""
    early = np.flatnonzero(known < ends)
    if len(early):
        first = early[0]
        raise IntegrityError(
            f"{where}: column {column!r}: the value of {assets[asset[first]]!r} of the period that ends on"
            f" {ends[first]:%Y-%m-%d} is said to be known on {known[first]:%Y-%m-%d}, before that ({len(early)} such"
            " rows); correct known_at, or say stamps: period_end if the dates are days and not beginnings of periods"
        )


def _refuse_twice(
    where: str,
    column: str,
    assets: Sequence[str],
    asset: Ints,
    ends: pd.DatetimeIndex,
    known: pd.DatetimeIndex,
) -> None:
    """Raise if an asset has two values of one period that became known at the same time."""
    same = (asset[1:] == asset[:-1]) & (ends.asi8[1:] == ends.asi8[:-1]) & (known.asi8[1:] == known.asi8[:-1])
    twice = np.flatnonzero(same)
    if len(twice):
        at = twice[0]
        raise IntegrityError(
            f"{where}: column {column!r}: two values of {assets[asset[at]]!r} of {ends[at]:%Y-%m-%d} are known from"
            f" {known[at]:%Y-%m-%d} on; keep one, or name the column that tells their publication as known_at"
        )
