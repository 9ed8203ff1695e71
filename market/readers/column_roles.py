"""Roles of columns, by their names alone: dates, assets of long tables, prices of bars, columns that are no assets.

A decision by names comes out the same however many rows a file has, so it cannot look ahead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from market.findings import Kind
from market.readers.column_words import (
    ADJUSTED,
    ASSETS,
    DATES,
    LOOSE_VALUES,
    MAYBE_ASSETS,
    NEVER_ASSETS,
    NOT_ADJUSTED_CLOSE,
    PARTS_OF_DATES,
    RETURNS,
    ROLE_OF,
    ROLES,
    SURE_ASSETS,
    TOTAL_RETURN,
    VOLUME_IN,
)


def find_role_of(name: str) -> str | None:
    """Return the role of a column beside dates and assets, such as "open" or "volume"; None if its name says none."""
    word = _normalise(name)
    made_of_words = "adj" in word and ADJUSTED.fullmatch(word) is not None
    return ROLE_OF.get(word) or ("other" if made_of_words or VOLUME_IN.fullmatch(word) else None)


def is_adjusted(name: str) -> bool:
    """Whether a column of prices is adjusted by its name."""
    return _normalise(name) in ROLES["adjusted"]


def looks_adjusted(name: str) -> bool:
    """Whether a column of a table of bars or a long table may hold adjusted closes, by a name that mentions it."""
    word = _normalise(name)
    return word in TOTAL_RETURN or ("adj" in word and NOT_ADJUSTED_CLOSE.search(word) is None)


def find_role(header: Sequence[str], *roles: str) -> str | None:
    """Return the column with the first of some roles; of several the most usual name, then the first."""
    words = [word for role in roles for word in ROLES[role]]
    return _find(header, words)


def find_value(header: Sequence[str], kind: Kind) -> str | None:
    """Return the column of a long table that holds its prices or returns, None if no name says so."""
    if kind == "returns":
        return _find(header, RETURNS)
    return _find(header, ("price", *ROLES["adjusted"], *ROLES["close"], *ROLES["price"]))


def find_volume(header: Sequence[str]) -> str | None:
    """Return the column of volumes; "vol" is one beside other parts of a bar, and may be a volatility elsewhere."""
    name = find_role(header, "volume")
    doubtful = name is not None and _normalise(name) == "vol" and not find_role(header, "open", "high", "low")
    return None if doubtful else name


def is_long_table(header: Sequence[str], kind: Kind) -> bool:
    """Whether names alone say that a table is long: a column of assets and one of their values.

    Words that assets of a wide table may bear as well ("Currency", "Value") count if there is no third column.
    """
    asset, value = find_asset(header), find_value(header, kind)
    other: Kind = "returns" if kind == "prices" else "prices"
    value = value or find_value(header, other)
    if asset is None or value is None:
        return False
    sure = _normalise(asset) in SURE_ASSETS or _normalise(value) not in LOOSE_VALUES
    return sure or sum(not is_nameless(name) for name in header) == 3


def find_asset(header: Sequence[str]) -> str | None:
    """Return the column of a long table that names the asset of each row, None if no name says so."""
    return _find(header, ASSETS)


def find_asset_names(names: Sequence[str]) -> str | None:
    """Return a column that names assets and so is none itself, such as "symbol" or "permno"; None without one."""
    return _find(names, NEVER_ASSETS)


def find_date(header: Sequence[str]) -> str | None:
    """Return the column of dates: one called so, an index without a name of its own, or quarters in front."""
    found = _find(header, DATES) or next((name for name in header if is_nameless(name)), None)
    quarters = (name for name in header[:1] if _normalise(name) == "quarter")
    return found if found is not None else next(quarters, None)


def is_nameless(name: str) -> bool:
    """Whether a name is that of an index which was written without one."""
    return name == "" or re.fullmatch(r"Unnamed: \d+(_level_\d+)?|__index_level_\d+__", name) is not None


def is_calendar(name: str, header: Sequence[str]) -> bool:
    """Whether a column beside that of the dates holds dates, or parts of them, too."""
    word = _normalise(name)
    # DAY is a ticker; beside a year it is not.
    is_day = word == "day" and any(_normalise(other) == "year" for other in header)
    return word in DATES or word in PARTS_OF_DATES or is_day


def find_bar_columns(names: Sequence[str], kind: Kind) -> tuple[str, ...]:
    """Return the columns that hold bars, volumes or similar fields, and cannot be assets.

    Parameters
    ----------
    names : sequence of str
        Columns beside that of the dates.
    kind : {"prices", "returns"}
        A low and a high are bars among prices; among returns they may be sorted portfolios.

    Returns
    -------
    tuple of str
        Empty where all may be assets. Names that assets may bear as well (LOW is a ticker) count only where others
        show that the table holds bars.
    """
    words = {_normalise(name) for name in names}
    bars = {"open", "high"} <= words or (kind == "prices" and {"high", "low"} <= words)
    doubted = {"open", "high", "low"} if bars else set()
    sure = {name for name in names if find_role_of(name) and _normalise(name) not in MAYBE_ASSETS - doubted}
    if sure and all(find_role_of(name) for name in names):
        return tuple(names)
    return tuple(name for name in names if name in sure)


def find_asset_fields(names: Sequence[str]) -> tuple[str, ...]:
    """Return a column of volumes, such as "KO Volume", or two fields of one asset, "KO Close" and "KO Open".

    Empty where there is none; "Low" and "High" may be parts of an asset's name and count beside a close only.
    """
    fields: dict[str, tuple[str | None, str]] = {}
    for name in names:
        asset, role = _split_field(name)
        if role == "volume":
            return (name,)
        other = fields.setdefault(asset, (role, name))
        if other[0] != role and {"close", "adjusted"} & {other[0], role}:
            return other[1], name
    return ()


def _split_field(name: str) -> tuple[str, str | None]:
    """Return the asset and the field of a column like "KO_Close", ("Close", "KO") or "Adj Close KO"."""
    words = [word for word in re.split(r"[^0-9A-Za-z%]+", name.casefold()) if word]
    for n in (2, 1):
        if len(words) > n:
            for field, asset in ((words[-n:], words[:-n]), (words[:n], words[n:])):
                role = ROLE_OF.get("".join(field))
                if role is None and field[0] in ("adj", "adjusted"):
                    role = "adjusted"
                if role in ("open", "high", "low", "close", "adjusted", "volume", "vwap"):
                    return " ".join(asset), role
    return " ".join(words), None


def _find(header: Sequence[str], words: Sequence[str]) -> str | None:
    """Return the column that bears the first of some normalised names."""
    by_word = {_normalise(name): name for name in reversed(header)}
    return next((by_word[word] for word in words if word in by_word), None)


def _normalise(name: str) -> str:
    """Return a name in small letters without blanks and signs: "1. Adj. Close*" is "adjclose"."""
    return re.sub(r"[^a-z0-9%]", "", re.sub(r"^\d+[.)]\s*", "", name.casefold()))
