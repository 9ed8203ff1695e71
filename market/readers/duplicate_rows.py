"""Rows with the same date, and the same asset in a long table: which of them is kept, if a setting says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from foundation.counts import format_count
from market.findings import INTERPRETATION, Finding
from market.readers.file_columns import FileColumns
from market.text.coded_texts import CodedTexts
from market.text.columns import Contents
from market.text.dates import Dates
from market.text.names import clean_name
from market.text.options import DuplicateRows


def keep_one_row(
    source: str, columns: FileColumns, contents: Contents, dates: Dates, kept: DuplicateRows
) -> tuple[Contents, Dates]:
    """Return columns with one row for each date, or for each date and asset of a long table.

    Parameters
    ----------
    source : str
        What to call the file in messages.
    columns : FileColumns
    contents : Contents
        n rows.
    dates : Dates
    kept : {"refuse", "first", "last"}
        "refuse" changes nothing: a check refuses double dates later.
    """
    if kept == "refuse":
        return contents, dates
    # Dates and assets may have several texts each.
    keys = {"date": pd.factorize(dates.by_text)[0][dates.codes]}
    if columns.asset:
        labels = contents.coded[columns.asset]
        names = np.array([clean_name(text) for text in labels.texts], dtype=object)
        keys["asset"] = pd.factorize(names)[0][labels.codes]
    double = pd.DataFrame(keys).duplicated(keep=kept).to_numpy()
    if not double.any():
        return contents, dates
    first = dates.by_text[dates.codes[np.flatnonzero(double)[0]]]
    count = format_count(int(double.sum()), "row")
    text = (
        f"{source}: {first:%Y-%m-%d} is there more than once: its {kept} row is kept; {count} left out in all"
    )
    stay = ~double
    return (
        replace(
            contents,
            coded={
                name: CodedTexts(codes.codes[stay], codes.texts) for name, codes in contents.coded.items()
            },
            numbers={name: values[stay] for name, values in contents.numbers.items()},
            warnings=(*contents.warnings, Finding(INTERPRETATION, "note", None, first, text)),
        ),
        replace(dates, codes=dates.codes[stay]),
    )
