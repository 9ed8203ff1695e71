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
from market.text.delimited.form import TextForm, end_table
from market.text.delimited.lines import BLOCK, LineCounter, has_open_quote, last_lines, numbered_lines
from market.text.delimited.truncation import explain_end
from market.text.number_texts import NO_VALUE


def read_csv(
    path: Path,
    form: TextForm,
    header: Sequence[str],
    texts: Sequence[str],
    numbers: Sequence[str],
    missing: Sequence[str] = (),
) -> tuple[Any, LineCounter, TextForm]:
    """Read some columns of a CSV file: texts coded, numbers as float64, or as text if a cell of them is no plain one.

    Parameters
    ----------
    path : Path
    form : TextForm
    header : sequence of str
        Names of all columns in their order.
    texts, numbers : sequence of str
    missing : sequence of str
        Texts that stand for no value, besides the usual ones.

    Returns
    -------
    table : pyarrow.Table
    counter : LineCounter
        At the end of the table, and closed.
    form : TextForm
        Where the table ended before the file did, with its end.

    Raises
    ------
    SourceError
        If a quoted cell holds a line break, or the file was cut off within its last line; names the line.
    pyarrow.ArrowInvalid
        If the file is no table.
    """
    try:
        table, counter = _read(path, form, header, texts, numbers, missing)
    except pa.ArrowInvalid:
        _refuse_open_quote(path, form)
        ended = None if form.stop is not None else end_table(path, form)
        if ended is None:
            _refuse_cut(path, form, header)
            raise
        form = ended
        table, counter = _read(path, form, header, texts, numbers, missing)
    rows, lines = table.num_rows, counter.n_filled - form.filled
    if rows != lines or any(has_open_quote(line, form.delimiter) for line in last_lines(counter.tail, 1)):
        _refuse_open_quote(path, form)
        raise SourceError(
            f"{path}: {format_count(lines, 'line')} of data became {format_count(rows, 'row')}; "
            "expected one row per line"
        )
    return table, counter, form


def _read(
    path: Path,
    form: TextForm,
    header: Sequence[str],
    texts: Sequence[str],
    numbers: Sequence[str],
    missing: Sequence[str],
) -> tuple[Any, LineCounter]:
    """Read columns with numbers as float64, or as text where that fails or nothing says what their points mean."""
    if form.delimiter == ",":
        counter = LineCounter(path, form.stop)
        try:
            return _parse(
                counter, form, header, dict.fromkeys(numbers, pa.float64()), texts, missing
            ), counter
        except pa.ArrowInvalid as error:
            if "conversion error" not in str(error):
                raise
    counter = LineCounter(path, form.stop)
    return _parse(counter, form, header, dict.fromkeys(numbers, pa.string()), texts, missing), counter


def _parse(
    stream: LineCounter,
    form: TextForm,
    header: Sequence[str],
    numbers: dict[str, Any],
    texts: Sequence[str],
    missing: Sequence[str],
) -> Any:
    """Read a CSV file with one type for its numbers."""
    coded = pa.dictionary(pa.int32(), pa.string())
    with stream:
        return pa_csv.read_csv(
            stream,
            read_options=pa_csv.ReadOptions(
                column_names=list(header), skip_rows=form.skipped, block_size=BLOCK
            ),
            parse_options=pa_csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=False),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(texts, coded) | numbers,
                include_columns=[*texts, *numbers],
                null_values=[*NO_VALUE, *missing],
            ),
        )


def _refuse_open_quote(path: Path, form: TextForm) -> None:
    """Raise if a quoted cell is open at the end of a line of the table, and name the first such line."""
    for number, line in numbered_lines(path):
        if number > form.skipped and has_open_quote(line, form.delimiter):
            raise SourceError(
                f"{path}: line {number}: a quoted cell is not closed at the end of the line: {shorten_text(line)!r};"
                " close the quote, write a quote that belongs to the text twice, and leave out line breaks within cells"
            )


def _refuse_cut(path: Path, form: TextForm, header: Sequence[str]) -> None:
    """Raise if the file was cut off within its last line."""
    with LineCounter(path) as counter:
        while counter.read():
            pass
    if why := explain_end(header, counter, form.delimiter):
        raise SourceError(f"{path}: {why}")
