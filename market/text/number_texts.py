"""Texts in columns of numbers: codes for no value, and explanations of other texts."""

from __future__ import annotations

import re

NO_VALUE = (
    *("", ".", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "NaN", "nan", "-NaN", "-nan"),
    *("null", "NULL", "None"),
)
"""Codes for no value in a number column of a CSV file; FRED writes a point, Bloomberg "#N/A N/A"."""

NO_VALUE_SIGNS = ("-", "--", "\u2013", "\u2014", "n.a.", "N.A.", "n/d", "ND", "#NA", "@NA")
"""Signs for no value of which a note tells: investing.com writes a dash, the Federal Reserve ND."""

_EXPLANATIONS: tuple[tuple[str, str], ...] = (
    (
        r"[-+]?[\d.,]+\s*%",
        "a percentage beside numbers without a percent sign: write all of them alike",
    ),
    (
        r"[-+]?\d+([.,]\d+)?",
        "a number beside percentages, which have a sign, or with another decimal mark (data.decimal): write all of them"
        " alike",
    ),
    (r"[-+]?[\d.,]+\s*T", "a unit that may be thousand or trillion: write the number alone"),
    (
        r"[-+]?\d+(,\d+)+(\.\d+)?|[-+]?\d+(\.\d+)+(,\d+)?",
        "commas and points that make no number here: groups of three digits, or one decimal mark (data.decimal)",
    ),
    (
        r"[A-Z]",
        "CRSP and others write a letter where there is no value: add it to data.na_values, or leave such a cell empty",
    ),
    (
        r"(?i)#N/A requesting data.*",
        "the export was saved before its values had arrived: export it again",
    ),
    (
        r"#.*[!?]|#N/A .*|\?+|\*+",
        "if it stands for no value, add it to data.na_values, or leave such a cell empty",
    ),
)


def explain_number(text: str) -> str:
    """Return what a text in a column of numbers looks like and how to write it, in brackets; "" if that is unknown."""
    for pattern, explanation in _EXPLANATIONS:
        if re.fullmatch(pattern, text.strip()):
            return f" ({explanation})"
    return ""
