"""Columns of text as codes of their distinct texts: a file of millions of rows has few dates and few assets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from foundation.types import Ints


@dataclass(frozen=True, eq=False)
class CodedTexts:
    """A column of text.

    Attributes
    ----------
    codes : ndarray of int, shape (n,)
        Position in `texts` of each row's text.
    texts : tuple of str
        In the order of their first row; each has a row. A text may be there twice where its cells differ in type.
    """

    codes: Ints
    texts: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.codes)

    def find_first_row(self, position: int) -> int:
        """Return the first row with the text at a position."""
        return int(np.argmax(self.codes == position))

    def expand(self) -> NDArray[np.object_]:
        """Return the text of each row, shape (n,)."""
        return np.array(self.texts, dtype=object)[self.codes] if self.texts else np.array([], dtype=object)


def _encode_texts(texts: Iterable[str]) -> CodedTexts:
    """Return texts, one per row, as a coded column."""
    codes, unique = pd.factorize(np.array(list(texts), dtype=object))
    return CodedTexts(codes.astype(np.int64), tuple(unique.tolist()))


def encode_column(column: Any) -> CodedTexts:
    """Return a column of any Arrow type as text, "" where it has no value.

    Dates are YYYY-MM-DD. A stamp of midnight in no time zone is its date; others keep their time of day, and those of a
    time zone their offset there.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
    """
    try:
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        coded = column.unify_dictionaries().combine_chunks()
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError):
        return _encode_texts(_to_text(cell) for cell in column.to_pylist())
    if isinstance(coded, pa.ChunkedArray):  # without any chunk
        return CodedTexts(np.array([], dtype=np.int64), ())
    codes = coded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return _compact(codes, _to_texts(coded.dictionary))


def _compact(codes: Ints, texts: list[str]) -> CodedTexts:
    """Return a column with the texts that have a row in the order of their first rows; code -1 has no value."""
    ordered, used = pd.factorize(np.where(codes < 0, len(texts), codes))
    named = [*texts, ""]
    return CodedTexts(ordered.astype(np.int64), tuple(named[position] for position in used.tolist()))


def _to_texts(values: Any) -> list[str]:
    """Return values of one type as texts."""
    if pa.types.is_timestamp(values.type):
        return _to_stamps(values)
    if pa.types.is_date(values.type):
        # Days that Python's dates cannot hold are written by numpy.
        days = (
            values.cast(pa.date32()).cast(pa.int32()).to_numpy(zero_copy_only=False).astype("datetime64[D]")
        )
        return [str(day) for day in days]
    return [_to_text(value) for value in values.to_pylist()]


def _to_text(value: object) -> str:
    """Return a value as text, "" for none. Bytes are UTF-8: as Python shows them they would be another name."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise pa.ArrowInvalid(f"binary values that are no UTF-8 text, such as {value[:20]!r}") from error
    return "" if value is None else str(value)


def _to_stamps(values: Any) -> list[str]:
    """Return stamps as texts: dates alone, with their time of day, or with their offset in their time zone."""
    unit, zone = values.type.unit, values.type.tz
    stamps = values.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(f"datetime64[{unit}]")
    days = stamps.astype("datetime64[D]")
    if zone is None:
        midnight = stamps == days
        return [
            str(day if dated else stamp) for day, stamp, dated in zip(days, stamps, midnight, strict=True)
        ]
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    if ((years < 1) | (years > 9998)).any():
        return [f"{stamp}Z" for stamp in stamps]  # no calendar of Python holds them
    try:
        local = pd.DatetimeIndex(stamps).tz_localize("UTC").tz_convert(zone)
    except (KeyError, ValueError, OSError) as error:
        raise pa.ArrowInvalid(f"unknown time zone {zone!r}") from error
    return [stamp.isoformat() for stamp in local]
