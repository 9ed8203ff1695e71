"""Unused columns, above all an adjusted price beside an unadjusted one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from foundation.suggestions import list_names
from market.findings import Finding, Kind
from market.readers.column_roles import is_adjusted, looks_adjusted


def check_unused(
    source: str, header: Sequence[str], used: Sequence[str], value: str, kind: Kind, *, notice: bool = True
) -> Iterator[Finding]:
    """Find columns that are not used: fatal where one of them looks like an adjusted price, and the price does not.

    Parameters
    ----------
    source : str
    header, used : sequence of str
        All columns, and those that are used.
    value : str
        The column of prices or returns.
    kind : {"prices", "returns"}
    notice : bool
        Whether to name columns that are not used and do no harm.
    """
    unused = [name for name in header if name not in used]
    adjusted = [name for name in unused if looks_adjusted(name)]
    if adjusted and kind == "prices" and not is_adjusted(value):
        names = list_names(adjusted)
        text = (
            f"{source}: {value!r} would be the price, but {names} looks like an adjusted one, which returns need; call"
            " the column of adjusted prices 'adj_close' and the other 'close', or delete the other; if"
            f" {value!r} is adjusted for dividends and splits, delete {names}"
        )
        yield Finding("adjusted price not used", "fatal", None, None, text)
    elif unused and notice:
        verb = "looks" if len(adjusted) == 1 else "look"
        which = f", of which {list_names(adjusted)} {verb} adjusted" if adjusted else ""
        text = (
            f"{source}: columns that are not used: {list_names(unused)}{which}; {kind} are those of {value!r}"
        )
        yield Finding("columns not used", "warning", None, None, text)
