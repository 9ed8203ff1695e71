"""Names of assets: which cannot be used, and which a spreadsheet would take for formulas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from foundation.suggestions import list_names
from market.findings import Finding
from market.text.names import lookalike_key

_RESERVED = ("cash", "date", "note", "status")
"""Names of columns and rows that outputs have beside those of the assets."""
_FORMULA = ("=", "+", "-", "@")


def check_names(source: str, names: Sequence[str]) -> Iterator[Finding]:
    """Find assets without a name, with a name that outputs use, or with one like a formula.

    Columns of cash and of the market may have any name.
    """
    for name in names:
        key = lookalike_key(name)
        if not key:
            text = f"{source}: an asset has no name; give its column (or, in a long table, its rows) one"
            yield Finding("asset name", "fatal", name, None, text)
        elif key in _RESERVED:
            yield Finding("asset name", "fatal", name, None, f"{source}: {_explain_reserved(name, key)}")
    formulas = [name for name in names if name.startswith(_FORMULA)]
    if formulas:
        text = (
            f"{source}: names that begin with =, +, - or @, such as {list_names(formulas, 3)}: a spreadsheet"
            " that opens a CSV file of the outputs may take them for formulas; rename them, or import their columns"
            " as text"
        )
        yield Finding("asset name like a formula", "warning", formulas[0], None, text)


def _explain_reserved(name: str, key: str) -> str:
    """Word the refusal of a name that outputs use."""
    remedy = f"rename the asset, such as {name + '_asset'!r}"
    if key == "cash":
        remedy = f"if it holds the return of cash, set data.cash to {name!r}; otherwise {remedy}"
    elif key == "date":
        remedy = f"if it holds the dates, set data.date_column to {name!r}; otherwise {remedy}"
    return f"an asset is called {name!r}, but outputs use that name beside those of the assets; {remedy}"
