"""Column names of a CSV or Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from foundation.suggestions import shorten_text
from market.errors import SourceError
from market.text.delimited.form import TextForm, find_form
from market.text.names import LONGEST, clean_name
from market.text.options import PLAIN, TextOptions
from market.text.paths import check_path, is_csv, is_parquet


def read_header(path: Path, options: TextOptions = PLAIN) -> tuple[str, ...]:
    """Return the column names of a file, without surrounding blanks and invisible characters.

    Raises
    ------
    SourceError
        If the file is missing, empty, of another type, not readable, or names a column twice or not at all
        (the first may be nameless: an index is written like that).
    """
    written = read_form(path, options).names
    names = [clean_name(name) for name in written]
    if wrong := _explain_names(names, written):
        raise SourceError(f"{path}: {wrong}")
    return tuple(names)


def read_form(path: Path, options: TextOptions = PLAIN) -> TextForm:
    """Return where the table lies in a file, with the names of its columns as the file has them."""
    check_path(path)
    try:
        if is_parquet(path):
            _refuse_lines(path, options)
            return TextForm(",", tuple(str(name) for name in pa_parquet.read_schema(path).names))
        return find_form(path, options)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise make_unreadable_error(path, error) from error


def _refuse_lines(path: Path, options: TextOptions) -> None:
    """Refuse options about lines of text for a file that has none."""
    for key in ("skip_rows", "table"):
        if getattr(options, key) is not None:
            raise SourceError(
                f"{path}: {key} is about the lines of a text file, which Parquet files and workbooks do not have"
            )


def _explain_names(names: Sequence[str], written: Sequence[str]) -> str:
    """Return what is wrong with column names, or "" if they are valid."""
    if not any(names):
        return "no column names in the first line"
    places: dict[str, int] = {}
    for position, name in enumerate(names):
        if len(name) > LONGEST:
            return (
                f"the name of column {position + 1}, {shorten_text(name)!r}, has {len(name)} characters; expected"
                f" {LONGEST} at most"
            )
        if not name and position > 0:
            return f"column {position + 1} has no name in the first line; name it, or delete the column"
        first = written[places.setdefault(name, position)]
        if first != written[position]:
            return (
                f"the columns {shorten_text(first)!a} and {shorten_text(written[position])!a} differ only in"
                f" surrounding blanks, invisible characters or Unicode form, and would both be {name!r}; rename one"
                " of them, or delete it"
            )
        if places[name] != position:
            return f"two columns are named {name!r}; rename one of them, or delete it"
    return ""


def make_unreadable_error(path: Path, error: Exception) -> SourceError:
    """Word a reader's complaint in one line."""
    encoding, reason = "", " ".join(str(error).split())
    if "utf" in reason.lower():
        advice = 'it is not encoded in UTF-8; save it as "CSV UTF-8"'
        encoding = f"{advice if is_csv(path) else 'write the column as text in UTF-8'} ({reason})"
    if "Truncated compressed stream" in reason:
        reason = "the compressed file was cut off; copy it again"
    return SourceError(f"{path}: cannot be read as a table: {encoding or reason}")
