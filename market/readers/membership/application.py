"""A panel in which only members can be held, and delisting returns are earned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from foundation.counts import format_count
from foundation.types import Bools, Ints
from market.findings import Finding, Severity
from market.frequency import longest_closure
from market.panel import Panel
from market.readers.membership.ends import End, find_ends
from market.readers.membership.records import Delistings, Membership
from market.values.riskless import average_risky, find_riskless_in_panel

_MARKET = "With a universe the mean market is that of the assets that were members at the row before."
_NO_DELISTINGS = (
    "A universe is given without delisting returns (data.universe.delistings): an asset that ends counts as sold at its"
    " last price. Who fails often pays less, so results are too good."
)


def apply_membership(
    panel: Panel, membership: Membership, *, mean_market: bool, unmerged: Panel | None = None
) -> tuple[Panel, tuple[Finding, ...]]:
    """Return the panel with the membership of its assets, and with delisting returns among its returns.

    An asset is a member from the first date at which it has a return on, as far as its records say so, until it is
    delisted. The delisting return belongs to the first row from its date on that has no price: whoever held the asset
    at the row before earns it. Later prices are left out. In a row of several days, such as a month, it is earned after
    the returns of the days before it.

    Parameters
    ----------
    panel : Panel
    membership : Membership
    mean_market : bool
        Whether the market is the mean of the assets: then it becomes the mean of those that were members at the row
        before, who earn its return.
    unmerged : Panel, optional
        The same prices before they were merged into rows of longer periods: they show on which day an asset ended.

    Returns
    -------
    panel : Panel
    findings : tuple of Finding
        Warnings and notes.
    """
    findings = list(_describe_assets(panel, membership))
    delisted = np.zeros(panel.returns.shape, dtype=np.bool_)
    returns, notes = panel.returns, panel.notes
    if membership.delistings is None:
        notes = (*notes, _NO_DELISTINGS)
    else:
        ends = find_ends(panel, membership, unmerged)
        returns = returns.copy()
        for column, end in ends.items():
            findings += _describe_later(panel, column, end)
            returns[end.row, column], returns[end.row + 1 :, column] = end.earned, np.nan
            delisted[end.row :, column] = True
        findings += _describe_ends(membership, membership.delistings, len(ends))
    member = membership.at(panel.dates, panel.assets) & ~delisted
    member &= np.maximum.accumulate(np.isfinite(returns), axis=0)
    findings += _describe_sizes(panel, membership, member)
    if membership.delistings is not None:
        findings += _describe_unpaid(panel, membership, member, delisted)
    changed: dict[str, Any] = {"returns": returns, "member": member, "delisted": delisted, "notes": notes}
    if panel.traded is not None:
        changed["traded"] = np.where(delisted, np.nan, panel.traded)
    if mean_market:
        changed["market"] = _average_members(replace(panel, returns=returns), member)
        changed["notes"] = (*notes, _MARKET)
        findings += _describe_early(panel, member)
    return replace(panel, **changed), tuple(findings)


def _average_members(panel: Panel, member: Bools) -> Any:
    """Return the mean return of the members at the row before, shape (T,); of all assets where there was none."""
    before = np.vstack([member[:1], member[:-1]])
    riskless = find_riskless_in_panel(panel)
    mean = average_risky(panel.returns, riskless | ~before)
    return np.where(np.isfinite(mean), mean, average_risky(panel.returns, riskless))


def _describe_assets(panel: Panel, membership: Membership) -> Iterator[Finding]:
    """Say how many assets the universe covers, and which of them have no prices or are never members."""
    named = {membership.assets[asset] for asset in np.unique(membership.changes.asset)}
    absent = [name for name in membership.assets if name in named and name not in panel.assets]
    if absent:
        text = (
            f"{membership.source}: {len(absent)} of {format_count(len(named), 'asset')} have no prices"
            f" ({_name(absent)}): if they are those that failed, the results are too good"
        )
        yield Finding("universe without prices", "warning", None, None, text)
    never = [name for name in panel.assets if name not in named]
    if never:
        text = (
            f"{membership.source}: {format_count(len(never), 'asset')} with prices are not in it and are never held"
            f" ({_name(never)})"
        )
        yield Finding("never a member", "warning", None, None, text)
    late = membership.changes.member & np.asarray(membership.changes.known_at > membership.changes.at)
    if late.any():
        first = int(np.flatnonzero(late)[0])
        name, at = membership.assets[membership.changes.asset[first]], membership.changes.at[first]
        text = (
            f"{membership.source}: {format_count(int(late.sum()), 'membership')} became known after it began and counts"
            f" from then on; the first is that of {name!r} from {at:%Y-%m-%d},"
            f" known at {membership.changes.known_at[first]:%Y-%m-%d}"
        )
        yield Finding("membership known late", "note", name, at, text)


def _describe_sizes(panel: Panel, membership: Membership, member: Bools) -> Iterator[Finding]:
    """Say how many members there are at a date."""
    sizes = member.sum(axis=1)
    assets = format_count(len(panel.assets), "asset")
    text = (
        f"{membership.source}: {_span(sizes.min(), sizes.max())} of {assets} with prices are members at a date,"
        f" {sizes[-1]} at the last"
    )
    severity: Severity = "note" if sizes.any() else "warning"
    yield Finding("universe", severity, None, None, text)


def _describe_later(panel: Panel, column: int, end: End) -> Iterator[Finding]:
    """Warn of prices after a delisting."""
    row = end.row
    first = row + 1 if end.has_returns_before else row
    later = first + np.flatnonzero(panel.listed[first:, column])
    if len(later):
        name, date = panel.assets[column], panel.dates[later[0]]
        text = (
            f"{panel.name}: {name!r} was delisted by {panel.dates[row]:%Y-%m-%d} and has a price on {date:%Y-%m-%d}:"
            f" {format_count(len(later), 'return')} after the delisting left out; give another asset that took the name"
            " a name of its own"
        )
        yield Finding("price after delisting", "warning", name, date, text)


def _describe_ends(membership: Membership, delistings: Delistings, used: int) -> Iterator[Finding]:
    """Say how many delisting returns fall into the data."""
    total = len(delistings.asset)
    text = f"{membership.source}: {format_count(used, 'delisting return')} earned, of {total} in the file"
    yield Finding("delistings", "note", None, None, text)


def _describe_unpaid(
    panel: Panel, membership: Membership, member: Bools, delisted: Bools
) -> Iterator[Finding]:
    """Warn of members that have no price any more and no delisting return."""
    last = len(member) - 1 - np.argmax(panel.listed[::-1], axis=0)
    columns = np.arange(len(panel.assets))
    over = panel.listed.any(axis=0) & (last + longest_closure(panel.periods_per_year) < len(member) - 1)
    unpaid = over & member[last, columns] & ~delisted.any(axis=0)
    if unpaid.any():
        text = (
            f"{membership.source}: {format_count(int(unpaid.sum()), 'member')} ended without a delisting return"
            f" ({_name([panel.assets[n] for n in np.flatnonzero(unpaid)])}) and count as sold at their last price: if"
            " they failed, results are too good"
        )
        yield Finding("no delisting return", "warning", None, None, text)


def _describe_early(panel: Panel, member: Bools) -> Iterator[Finding]:
    """Say from when on the market is the mean of members."""
    rows: Ints = np.flatnonzero(member.any(axis=1))
    first = int(rows[0]) if len(rows) else len(member)
    if first:
        until = f"before {panel.dates[first]:%Y-%m-%d}" if first < len(member) else "at any date"
        text = f"{panel.name}: nobody is a member {until}; there the market is the mean of all listed assets"
        yield Finding("market before members", "note", None, panel.dates[0], text)


def _span(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


def _name(names: list[str]) -> str:
    """Return up to five names."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
