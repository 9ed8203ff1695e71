"""Files of membership: intervals or dated flags, and the delisting returns beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.suggestions import list_names
from foundation.types import Bools, Ints
from market.errors import IntegrityError, SourceError
from market.findings import INTERPRETATION, Finding
from market.readers.membership.columns import (
    find_roles,
    insist_dates,
    insist_roles,
    read_assets,
    read_days,
    refuse_lookalikes,
)
from market.readers.membership.delisting_files import read_delistings
from market.readers.membership.records import Changes, Membership
from market.text.coded_texts import CodedTexts
from market.text.columns import Contents, read_columns
from market.text.headers import read_header
from market.text.stamps import read_stamp

_FLAGS = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "y"), True),
    **dict.fromkeys(("0", "0.0", "false", "no", "n"), False),
}
_LAYOUTS = "columns asset, from and to (the last date of membership, empty while it lasts), or asset, date and member"


@dataclass(frozen=True)
class UniverseFiles:
    """Where to read who could be held when.

    Attributes
    ----------
    path : Path
        CSV or Parquet file of intervals (asset, from, to) or of dated flags (asset, date, member), with an optional
        column known_at.
    delistings : Path, optional
        CSV or Parquet file of delisting returns (asset, date, return).
    """

    path: Path
    delistings: Path | None = None


def load_membership(
    files: UniverseFiles, assets: Collection[str], known_by: pd.Timestamp | None = None
) -> tuple[Membership, tuple[Finding, ...]]:
    """Read who could be held when.

    Parameters
    ----------
    files : UniverseFiles
    assets : collection of str
        Those of the panel: names that only look like one of them are refused.
    known_by : Timestamp, optional
        Leave out what became known later.

    Raises
    ------
    SourceError
        If a file cannot be read, a column is missing, or no asset of the panel is in the file.
    IntegrityError
        If an interval ends before it begins, intervals of one asset overlap, flags contradict one another, a delisting
        return is no fraction, or an asset is delisted twice.
    """
    labels, changes, findings = _read_changes(Path(files.path))
    refuse_lookalikes(str(files.path), labels, assets)
    delistings = None
    if files.delistings is not None:
        more, delistings, warnings = read_delistings(Path(files.delistings), labels)
        refuse_lookalikes(str(files.delistings), more, assets)
        labels, findings = more, (*findings, *warnings)
    membership = Membership(str(files.path), labels, changes, delistings)
    if known_by is not None:
        return membership.known_by(known_by), findings
    named = {labels[asset] for asset in np.unique(changes.asset)}
    if not named:
        raise SourceError(f"{files.path}: no row below the header; expected {_LAYOUTS}")
    if not named & set(assets):
        raise SourceError(
            f"{files.path}: none of its assets ({list_names(sorted(named)[:5])}) has prices; the assets are"
            f" {list_names(list(assets)[:5])}"
        )
    return membership, findings


def _read_changes(path: Path) -> tuple[tuple[str, ...], Changes, tuple[Finding, ...]]:
    """Return the names of the assets, and their beginnings and ends of membership."""
    header = read_header(path)
    roles = find_roles(path, header)
    intervals = "from" in roles
    wanted = ("asset", "from", "to") if intervals else ("asset", "date", "member")
    insist_roles(path, header, roles, wanted, _LAYOUTS)
    texts = [roles[role] for role in (*wanted, "known_at") if role in roles]
    contents = read_columns(path, header, texts=texts, numbers=[])
    labels, asset = read_assets(path, roles["asset"], contents)
    read = _read_intervals if intervals else _read_flags
    changes = read(path, roles, contents, labels, asset)
    how = (
        f"column {roles['to']!r} is read as the last date of membership"
        if intervals
        else f"a flag in column {roles['member']!r} is read as valid until the next one of its asset"
    )
    return (
        labels,
        changes,
        (
            *contents.warnings,
            *_explain_late(path, roles, contents),
            Finding(INTERPRETATION, "note", None, None, f"{path}: {how}"),
        ),
    )


def _find_late(texts: CodedTexts) -> Bools:
    """Return which rows have a time of day, which may come after the close: they count from the next day on."""
    late = [bool(text.strip()) and not read_stamp(text).is_midnight for text in texts.texts]
    return np.array(late, dtype=np.bool_)[texts.codes]


def _explain_late(path: Path, roles: dict[str, str], contents: Contents) -> tuple[Finding, ...]:
    """Say that dates of knowledge with a time of day count from the next day on."""
    column = roles.get("known_at")
    late = None if column is None else _find_late(contents.coded[column])
    if column is None or late is None or not late.any():
        return ()
    texts = contents.coded[column]
    shown = texts.texts[texts.codes[int(np.argmax(late))]]
    text = (
        f"{path}: column {column!r}: a time of day such as in {shown!r} may come after the close: such rows count as"
        " known on the next day"
    )
    return (Finding(INTERPRETATION, "note", None, None, text),)


def _read_known(
    path: Path, roles: dict[str, str], contents: Contents, at: pd.DatetimeIndex
) -> pd.DatetimeIndex:
    """Return when each record counts: from `at` on, or from when it was known if that is later."""
    if "known_at" not in roles:
        return at
    known = read_days(path, roles["known_at"], contents)
    known += pd.to_timedelta(_find_late(contents.coded[roles["known_at"]]).astype(np.int64), unit="D")
    return pd.DatetimeIndex(np.where(known.isna() | (known < at), at, known))


def _read_intervals(
    path: Path, roles: dict[str, str], contents: Contents, labels: Sequence[str], asset: Ints
) -> Changes:
    """Return the beginning and the end of each interval; the day after `to` is the first without membership."""
    begin = insist_dates(path, roles["from"], read_days(path, roles["from"], contents))
    end = read_days(path, roles["to"], contents)
    wrong = np.flatnonzero(end < begin)
    if len(wrong):
        row = int(wrong[0])
        raise IntegrityError(
            f"{path}, data row {row + 1}: membership of {labels[asset[row]]!r} ends on {end[row]:%Y-%m-%d}, before it"
            f" begins on {begin[row]:%Y-%m-%d}"
        )
    order = np.lexsort((begin.asi8, asset))
    for one, two in zip(order[:-1].tolist(), order[1:].tolist(), strict=True):
        if asset[one] == asset[two] and not end[one] < begin[two]:
            until = "now" if pd.isna(end[one]) else f"{end[one]:%Y-%m-%d}"
            raise IntegrityError(
                f"{path}: intervals of {labels[asset[one]]!r} overlap: {begin[one]:%Y-%m-%d} to {until} (data row"
                f" {one + 1}), and from {begin[two]:%Y-%m-%d} on (data row {two + 1}); join them, or end the first"
                " the day before"
            )
    known = _read_known(path, roles, contents, begin)
    ended = np.flatnonzero(end.notna())
    after = end[ended] + pd.Timedelta(days=1)
    flags = np.concatenate([np.ones(len(begin), dtype=np.bool_), np.zeros(len(ended), dtype=np.bool_)])
    at, known_at = (pd.DatetimeIndex(part.append(after)) for part in (begin, known))
    return Changes(np.concatenate([asset, asset[ended]]), at, known_at, flags)


def _read_flags(
    path: Path, roles: dict[str, str], contents: Contents, labels: Sequence[str], asset: Ints
) -> Changes:
    """Return dated flags; each holds until the next one of its asset."""
    days = insist_dates(path, roles["date"], read_days(path, roles["date"], contents))
    coded = contents.coded[roles["member"]]
    states = [_FLAGS.get(text.strip().lower()) for text in coded.texts]
    for position, state in enumerate(states):
        if state is None:
            row = coded.find_first_row(position) + 1
            raise IntegrityError(
                f"{path}: column {roles['member']!r}, data row {row}: {coded.texts[position]!r} says neither member"
                " nor not; expected 1 or 0, true or false"
            )
    known = _read_known(path, roles, contents, days)
    keys = pd.DataFrame({"asset": asset, "date": days, "known": known})
    double = np.flatnonzero(keys.duplicated())
    if len(double):
        row = int(double[0])
        raise IntegrityError(
            f"{path}, data row {row + 1}: {labels[asset[row]]!r} has a second flag of {days[row]:%Y-%m-%d}; keep one"
        )
    member: Bools = np.array(states, dtype=np.bool_)[coded.codes]
    return Changes(asset, days, known, member)
