"""Columns of numbers: typed ones as they are, and texts in the notation that all of them share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from foundation.types import Floats
from market.text.coded_texts import CodedTexts, encode_column
from market.text.numbers import ParsedTexts, describe_marks, find_decimal, parse_texts
from market.text.options import DecimalMark, TextOptions


@dataclass(frozen=True, eq=False)
class NumberColumns:
    """Columns of numbers.

    Attributes
    ----------
    values : dict of str to ndarray of float
        NaN where there is no value.
    wrong : dict of str to CodedTexts
        By column with cells that are no number: its texts, with code -1 in the other rows.
    notes : tuple of str
        Sentences on cells that were read otherwise than plain numbers.
    decimal : {".", ","}
        The decimal mark of the texts.
    """

    values: dict[str, Floats]
    wrong: dict[str, CodedTexts]
    notes: tuple[str, ...]
    decimal: DecimalMark


def parse_number_columns(
    source: str,
    columns: Mapping[str, Any],
    delimiter: str,
    options: TextOptions,
    missing: Mapping[str, Collection[str]],
) -> NumberColumns:
    """Read columns as numbers.

    Parameters
    ----------
    source : str
        What to call the file in messages.
    columns : mapping of str to pyarrow.ChunkedArray
        Of numbers, or of texts.
    delimiter : str
        Between the columns: a file without commas between them may have decimal commas.
    options : TextOptions
    missing : mapping of str to collection of str
        By column, texts that stand for no value there.

    Raises
    ------
    AmbiguityError
        If the decimal mark may be a point as well as a comma.
    SourceError
        If some cells need a decimal point and others a decimal comma.
    """
    values: dict[str, Floats] = {}
    coded: dict[str, CodedTexts] = {}
    for name, column in columns.items():
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
            plain = column.cast(kind).cast(pa.float64(), safe=False)
            values[name] = np.asarray(plain.to_numpy(), dtype=np.float64)
        else:
            coded[name] = encode_column(column)
            values[name] = np.empty(0)  # keeps the order
    texts = {name: codes.texts for name, codes in coded.items()}
    decimal = options.decimal or find_decimal(source, texts, points_decide=delimiter == ",")
    percent = 1.0 if options.keep_percent else 100.0
    parsed: dict[str, ParsedTexts] = {}
    for name, codes in coded.items():
        none = {*options.na_values, *missing.get(name, ())}
        parsed[name] = parse_texts(codes.texts, decimal, none, percent)
        values[name] = parsed[name].values[codes.codes]
    wrong = {
        name: CodedTexts(np.where(found.wrong[coded[name].codes], coded[name].codes, -1), coded[name].texts)
        for name, found in parsed.items()
        if found.wrong.any()
    }
    notes = tuple(describe_marks({name: (texts[name], found) for name, found in parsed.items()}))
    _drop_codes(values, options.na_values, missing)
    return NumberColumns(values, wrong, notes, decimal)


def _drop_codes(
    values: dict[str, Floats], common: Collection[str], missing: Mapping[str, Collection[str]]
) -> None:
    """Replace numbers that stand for no value, however they are written."""
    for name, column in values.items():
        codes = pd.to_numeric(pd.Series([*common, *missing.get(name, ())], dtype=object), errors="coerce")
        known = codes.dropna().to_numpy(dtype=np.float64)
        if len(known):
            values[name] = np.where(np.isin(column, known), np.nan, column)
