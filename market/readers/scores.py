"""Files of scores, read to a table of scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.suggestions import list_names, shorten_text, suggest
from foundation.types import Floats, Ints
from market.errors import SourceError
from market.findings import Finding, raise_if_fatal
from market.scores import ScoreTable
from market.text.coded_texts import CodedTexts
from market.text.columns import read_columns
from market.text.dates import read_dates
from market.text.headers import read_header
from market.text.names import check_clean, clean_name, lookalike_key

ASSET_NAMES = ("asset", "symbol", "ticker")
_SCORE_NAMES = ("score", "esg", "esg_score", "value")
_KNOWN = "known_at"


def load_scores(
    path: Path,
    assets: Sequence[str],
    *,
    max_age_days: int,
    lag_days: int | None = None,
    date_column: str = "date",
    score_column: str | None = None,
) -> tuple[ScoreTable, tuple[Finding, ...]]:
    """Read scores from a CSV or Parquet file.

    A long file has columns date, asset and score, a wide one date and a column for each asset; both may have one
    called known_at. An empty cell is ignored. Assets that are not in `assets` are left out.

    Parameters
    ----------
    path : Path
    assets : sequence of str
        Those of the panel, in its order. They need not all have scores.
    max_age_days : int
        At least 1; a score that is published once a year needs more than 365 days and the lag.
    lag_days : int, optional
        Days from the date of a score until it was known, where the file has no column known_at. There is no default:
        scores carry the end of the period that they are about, and are published months later.
    date_column, score_column : str
        Names in the file; score_column is looked for in a long file if it is not given.

    Returns
    -------
    table : ScoreTable
    findings : tuple of Finding
        Warnings.

    Raises
    ------
    SourceError
        If the file cannot be read, a column is missing, the date at which scores were known is not given, or none of
        the assets is in the file.
    IntegrityError
        If a cell is no number, a date cannot be read, records contradict one another, or a name differs from that of an
        asset only in capital letters, blanks, quotes or the width of letters.
    """
    header = read_header(path)
    if max_age_days < 1 or (lag_days is not None and lag_days < 0):
        raise SourceError(f"{path}: max_age_days must be at least 1 and lag_days at least 0")
    lowered = {name.lower(): name for name in reversed(header)}
    names = _find_clocks(path, header, lowered, clean_name(date_column), lag_days)
    asset_name = next((lowered[name] for name in ASSET_NAMES if name in lowered), None)
    if asset_name is not None:
        records = _read_long(path, header, names, asset_name, score_column, lowered)
    else:
        records = _read_wide(path, header, names, assets)
    raise_if_fatal(_check_lookalikes(str(path), records.labels, assets))
    place = {asset: i for i, asset in enumerate(assets)}
    asset = np.array([place.get(label, -1) for label in records.labels], dtype=np.int64)[records.codes]
    kept = np.isfinite(records.value) & (asset >= 0)
    if not kept.any():
        found = ", ".join(map(repr, map(shorten_text, dict.fromkeys(records.labels[:5]))))
        raise SourceError(f"{path}: no score of any of the assets {', '.join(assets[:5])}...; found {found}")
    dates = [read_dates(str(path), name, records.coded[name]) for name in names]
    about = dates[0].by_text[dates[0].codes[records.rows[kept]]]
    if len(dates) > 1:
        known = dates[1].by_text[dates[1].codes[records.rows[kept]]]
    else:
        known = about + pd.Timedelta(days=lag_days or 0)
    table = ScoreTable(str(path), tuple(assets), asset[kept], about, known, records.value[kept], max_age_days)
    return table, (*records.warnings, *(warning for column in dates for warning in column.warnings))


def _find_clocks(
    path: Path, header: Sequence[str], lowered: Mapping[str, str], date_column: str, lag_days: int | None
) -> list[str]:
    """Return the column of dates and, if there is one, the column of the dates at which scores became known."""
    if date_column.lower() not in lowered:
        raise SourceError(f"{path}: no date column {date_column!r}{suggest(date_column, header)}")
    date_name, known_name = lowered[date_column.lower()], lowered.get(_KNOWN)
    if (known_name is None) == (lag_days is None):
        raise SourceError(
            f"{path}: when was a score known? Give a column 'known_at' in the file or lag_days, "
            f"{'not both' if known_name else 'and not neither'}"
        )
    return [date_name] if known_name is None else [date_name, known_name]


@dataclass(frozen=True, eq=False)
class _Records:
    """Scores of a file, one per record: their assets as codes of labels, the rows that hold their dates, values."""

    labels: tuple[str, ...]
    codes: Ints
    rows: Ints
    coded: Mapping[str, CodedTexts]
    value: Floats
    warnings: tuple[Finding, ...]


def _read_long(
    path: Path,
    header: Sequence[str],
    names: list[str],
    asset_name: str,
    score_column: str | None,
    lowered: dict[str, str],
) -> _Records:
    """Return the scores of a long file."""
    wanted = _SCORE_NAMES if score_column is None else (clean_name(score_column).lower(),)
    score = next((lowered[name] for name in wanted if name in lowered), None)
    if score is None:
        raise SourceError(
            f"{path}: no column of scores, expected one called {' or '.join(map(repr, wanted))}; "
            f"found {list_names(header)}"
        )
    contents = read_columns(path, header, texts=[*names, asset_name], numbers=[score])
    labels = contents.coded[asset_name]
    written = {text: clean_name(text) for text in labels.texts}
    warnings = raise_if_fatal(
        [*contents.findings, *check_clean(str(path), "assets", written), *contents.warnings]
    )
    cleaned = tuple(written[text] for text in labels.texts)
    rows = np.arange(len(labels))
    return _Records(cleaned, labels.codes, rows, contents.coded, contents.numbers[score], warnings)


def _read_wide(path: Path, header: Sequence[str], names: list[str], assets: Sequence[str]) -> _Records:
    """Return the scores of a wide file."""
    raise_if_fatal(_check_lookalikes(str(path), header, assets))
    columns = tuple(name for name in header if name in assets)
    if not columns:
        raise SourceError(
            f"{path}: neither a column 'asset' nor one named like an asset of {', '.join(assets[:5])}...; "
            f"found {list_names(header)}"
        )
    contents = read_columns(path, header, texts=names, numbers=columns)
    warnings = raise_if_fatal([*contents.findings, *contents.warnings])
    n = len(contents.coded[names[0]])
    codes, rows = np.repeat(np.arange(len(columns)), n), np.tile(np.arange(n), len(columns))
    value = np.concatenate([contents.numbers[name] for name in columns])
    return _Records(columns, codes, rows, contents.coded, value, warnings)


def _check_lookalikes(source: str, labels: Sequence[str], assets: Sequence[str]) -> Iterator[Finding]:
    """Find labels that are no assets, but look like one: they would be left out."""
    known = {lookalike_key(asset): asset for asset in assets}
    for label in labels:
        asset = known.get(lookalike_key(label))
        if asset is not None and label not in assets:
            text = (
                f"{source}: {label!r} differs from the asset {asset!r} only in capital letters, blanks, quotes or the"
                " width of letters; write both alike"
            )
            yield Finding("asset name", "fatal", asset, None, text)
