"""Names of assets: which cannot be used, and which cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from market.checks import Finding

RESERVED = ("cash", "date", "note", "status")
"""Names of columns and rows that outputs have beside those of the assets."""


def check_names(source: str, names: Sequence[str]) -> Iterator[Finding]:
    """Find assets without a name, with a name that outputs use, or with names that look the same.

    Parameters
    ----------
    source : str
        What messages call the table.
    names : sequence of str
        Assets alone: columns of cash and of the market may have any name.
    """
    seen: dict[str, str] = {}
    for name in names:
        key = "".join(name.casefold().split())
        if not key:
            text = f"{source}: an asset has no name; give its column (or, in a long table, its rows) one"
            yield Finding("asset name", "fatal", name, None, text)
        elif key in RESERVED:
            yield Finding("asset name", "fatal", name, None, f"{source}: {_reserved(name, key)}")
        elif key in seen:
            text = (
                f"{source}: assets {seen[key]!r} and {name!r} differ only in capital letters or blanks;"
                " rename one of them, or write both alike if they are one asset"
            )
            yield Finding("asset name", "fatal", name, None, text)
        seen.setdefault(key, name)


def _reserved(name: str, key: str) -> str:
    """Word the refusal of a name that outputs use."""
    remedy = f"rename the asset, such as {name + '_asset'!r}"
    if key == "cash":
        remedy = f"if it holds the return of cash, set data.cash to {name!r}; otherwise {remedy}"
    elif key == "date":
        remedy = f"if it holds the dates, set data.date_column to {name!r}; otherwise {remedy}"
    return f"an asset is called {name!r}, but outputs use that name beside those of the assets; {remedy}"
