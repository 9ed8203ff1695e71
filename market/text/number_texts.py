"""Texts in columns of numbers: codes for no value, and explanations of other texts."""

from __future__ import annotations

import re

NO_VALUE = (
    *("", ".", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "NaN", "nan", "-NaN", "-nan"),
    *("null", "NULL", "None"),
)
"""Codes for no value in a number column of a CSV file; FRED writes a point, Bloomberg "#N/A N/A"."""

_EXPLANATIONS: tuple[tuple[str, str], ...] = (
    (
        r"[-+]?[\d.,]+\s*%",
        "a percentage: write fractions, 0.0052 for 0.52%",
    ),
    (r"[-+]?[\d.,]+\s*[KMBT]", "a number with a unit: write 1250000 for 1.25M"),
    (
        r"[-+]?\d{1,3}(,\d{3})+\.\d+|[-+]?\d{1,3}(,\d{3}){2,}",
        "separators of thousands: write 4742.83 for 4,742.83, or pass thousands=',' to pandas.read_csv and"
        " save the file again",
    ),
    (
        r"[-+]?\d{1,3}(\.\d{3})+,\d+|[-+]?\d+,\d+",
        "a comma in a number: write 59.82 for 59,82 and 1100 for 1,100",
    ),
    (
        r"[-+]?\d{1,3}([ '\u00a0\u202f]\d{3})+([.,]\d+)?",
        "separators of thousands: write 4742.83 for 4 742.83",
    ),
    (r"\(\s*[$€£]?[\d.,]+\s*\)", "a negative number in brackets: write -1.2 for (1.2)"),
    (r"[-+]?[$€£¥]\s*[\d.,]+|[\d.,]+\s*[$€£¥]", "a currency sign: write the number alone"),
    (r"[A-Z]", "CRSP and others write a letter where there is no value: leave such a cell empty"),
    (r"-+|\u2013|\u2014|n\.?a\.?|#.*[!?]", "leave a cell empty where there is no value"),
)


def explain_number(text: str) -> str:
    """Return what a text in a column of numbers looks like and how to write it, in brackets; "" if that is unknown."""
    for pattern, explanation in _EXPLANATIONS:
        if re.fullmatch(pattern, text.strip(), re.IGNORECASE if "n\\.?a" in pattern else 0):
            return f" ({explanation})"
    return ""
