"""CSV files as Arrow tables, with one row per line: Arrow alone takes lines after an unclosed quote for one cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from foundation.counts import format_count
from foundation.suggestions import shorten_text
from market.errors import SourceError
from market.text.lines import BLOCK, LineCounter, has_open_quote, last_lines, numbered_lines
from market.text.number_texts import NO_VALUE
from market.text.truncation import explain_end


def read_csv(
    path: Path, header: Sequence[str], texts: Sequence[str], numbers: Sequence[str]
) -> tuple[Any, LineCounter]:
    """Read some columns of a CSV file: texts coded, numbers as float64, or as text if a cell of them is no number.

    Parameters
    ----------
    path : Path
    header : sequence of str
        Names of all columns in their order; the first line of the file is left out.
    texts, numbers : sequence of str

    Returns
    -------
    table : pyarrow.Table
    counter : LineCounter
        At the end of the file, and closed.

    Raises
    ------
    SourceError
        If a quoted cell holds a line break, or the file was cut off within its last line; names the line.
    pyarrow.ArrowInvalid
        If the file is no table.
    """
    counter = LineCounter(path)
    try:
        table = _read(counter, header, texts, numbers, pa.float64())
    except pa.ArrowInvalid as error:
        if "conversion error" not in str(error):
            _refuse_open_quote(path)
            _refuse_cut(path, header)
            raise
        counter = LineCounter(path)
        table = _read(counter, header, texts, numbers, pa.string())
    rows, lines = table.num_rows, counter.n_filled - 1
    if rows != lines or any(map(has_open_quote, last_lines(counter.tail, 1))):
        _refuse_open_quote(path)
        raise SourceError(
            f"{path}: {format_count(lines, 'line')} of data became {format_count(rows, 'row')}; "
            "expected one row per line"
        )
    return table, counter


def _read(
    stream: LineCounter, header: Sequence[str], texts: Sequence[str], numbers: Sequence[str], number: Any
) -> Any:
    """Read a CSV file with one type for its numbers."""
    coded = pa.dictionary(pa.int32(), pa.string())
    with stream:
        return pa_csv.read_csv(
            stream,
            read_options=pa_csv.ReadOptions(column_names=list(header), skip_rows=1, block_size=BLOCK),
            parse_options=pa_csv.ParseOptions(newlines_in_values=False),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(texts, coded) | dict.fromkeys(numbers, number),
                include_columns=[*texts, *numbers],
                null_values=list(NO_VALUE),
            ),
        )


def _refuse_open_quote(path: Path) -> None:
    """Raise if a quoted cell is open at the end of a line, and name the first such line."""
    for number, line in numbered_lines(path):
        if has_open_quote(line):
            raise SourceError(
                f"{path}: line {number}: a quoted cell is not closed at the end of the line: {shorten_text(line)!r};"
                " close the quote, write a quote that belongs to the text twice, and leave out line breaks within cells"
            )


def _refuse_cut(path: Path, header: Sequence[str]) -> None:
    """Raise if the file was cut off within its last line."""
    with LineCounter(path) as counter:
        while counter.read():
            pass
    if why := explain_end(header, counter):
        raise SourceError(f"{path}: {why}")
