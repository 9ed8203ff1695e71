"""Intraday rows: stamps in a time zone become sessions, and all rows of a session one."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.types import Bools, Ints
from market.errors import SourceError
from market.findings import INTERPRETATION, Finding, Kind
from market.text.dates import Dates
from market.values.dates.resampling import carry_values
from market.values.dates.sessions import Exchange, find_exchange
from market.values.dates.trading_calendar import RunningPeriod, keep_rows
from market.values.grid import Grid

_DAY = np.timedelta64(1, "D")
_BEGINNING = pd.Timedelta(days=10)
"""Time from which it is known whether stamps are the starts or the ends of bars."""


@dataclass(frozen=True, eq=False)
class SessionStamps:
    """Stamps of a file, and the sessions that they belong to.

    Attributes
    ----------
    source : str
        Name of the file in messages.
    name : str
        Exchange or time zone.
    instants : DatetimeIndex of length k
        Each distinct stamp in UTC, without a time zone.
    sessions : DatetimeIndex of length k
        The session of each; NaT outside of sessions.
    ends : DatetimeIndex of length k
        End of that session, in UTC.
    single : bool
        Whether stamps are days: no session has two of them.
    finding : Finding
        How the stamps were read.
    """

    source: str
    name: str
    instants: pd.DatetimeIndex
    sessions: pd.DatetimeIndex
    ends: pd.DatetimeIndex
    single: bool
    finding: Finding

    def known_at(self, date: pd.Timestamp) -> Bools:
        """Return the stamps of sessions up to a date, shape (k,); stamps outside of sessions by their day."""
        days = self.sessions.where(self.sessions.notna(), self.instants.normalize())
        return np.asarray(days <= date)

    def date_rows(self, dates: Dates) -> Dates:
        """Return the dates of a file as instants, or as sessions if its stamps are days."""
        rows = self.sessions.where(self.sessions.notna(), self.instants) if self.single else self.instants
        return replace(dates, by_text=pd.DatetimeIndex(rows), warnings=(self.finding,))

    def reduce(self, grid: Grid, kinds: Sequence[Kind], running_period: RunningPeriod | None) -> Grid:
        """Return one row of each session: its last values, and bars and volume of the whole session.

        The last session counts if its end is reached, or if `running_period` is "keep". Rows outside of sessions are
        left out; returns over them are in the next session.

        Parameters
        ----------
        grid : Grid
            Rows are instants.
        kinds : sequence of {"prices", "returns"}, length N
        running_period : {"keep", "drop"}, optional
        """
        if self.single:
            return grid
        order = np.argsort(self.instants)
        at = order[np.searchsorted(self.instants[order], grid.dates)]
        days, kept = self.sessions[at], np.asarray(self.sessions.notna())[at]
        if not kept.any():
            raise SourceError(
                f"{self.source}: data.sessions {self.name!r}: no row falls into a session; is it the right time zone?"
            )
        rows = np.flatnonzero(kept)
        last = np.append(days[rows][1:] != days[rows][:-1], True)
        stamps, findings = rows[last], list(grid.findings)
        begins = rows[np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])]
        if running_period != "keep" and not self._reaches_end(grid.dates[rows], self.ends[at][rows][-1]):
            findings.append(self._note_running(days[stamps[-1]]))
            stamps, begins = stamps[:-1], begins[:-1]
        if not len(stamps):
            raise SourceError(f"{self.source}: data.sessions {self.name!r}: no session is complete")
        moved, _ = carry_values(grid, kept, stamps, begins)
        mask = np.zeros(len(kept), dtype=bool)
        mask[stamps] = True
        findings.append(self._note(len(kept), stamps, int((~kept).sum())))
        reduced = keep_rows(moved, mask, kinds)
        return replace(reduced, dates=pd.DatetimeIndex(days[stamps]), findings=tuple(findings))

    def _reaches_end(self, instants: pd.DatetimeIndex, end: pd.Timestamp) -> bool:
        """Return whether the bar that begins at the last instant reaches the end of its session."""
        step = np.diff(instants.to_numpy())
        usual = np.median(step[step < _DAY]) if (step < _DAY).any() else np.timedelta64(0)
        return bool(instants[-1].to_datetime64() + usual >= end.to_datetime64())

    def _note(self, n_rows: int, stamps: Ints, outside: int) -> Finding:
        """Note what became of the rows."""
        text = (
            f"{self.source}: data.sessions {self.name!r} makes {format_count(len(stamps), 'session')} of "
            f"{format_count(n_rows, 'row')}, each with the last values of the session"
        )
        if outside:
            text += f"; {format_count(outside, 'row')} outside of sessions left out"
        return Finding(INTERPRETATION, "note", None, None, text)

    def _note_running(self, day: pd.Timestamp) -> Finding:
        """Note the last session, which is not over."""
        text = (
            f"{self.source}: the session of {day:%Y-%m-%d} is left out: its rows do not reach its end; "
            "data.running_period: keep counts it as a whole one"
        )
        return Finding("running period", "note", None, day, text)


def read_sessions(source: str, column: str, dates: Dates, name: str) -> SessionStamps:
    """Return the sessions of stamps.

    A stamp without a time zone is local time. If all stamps are at midnight where they were written, or no session has
    two, they are days: those that they show, or those of the time zone, whichever has more sessions.

    Parameters
    ----------
    source, column : str
        Names of the file and the column in messages.
    dates : Dates
    name : str
        An exchange or a time zone.

    Raises
    ------
    SourceError
        If the name is neither, or stamps cannot be placed in time.
    """
    if not len(dates.by_text):
        raise SourceError(f"{source}: data.sessions {name!r}: the file has no row")
    exchange = find_exchange(source, name, dates.by_text.sort_values())
    zone = exchange.zone if exchange else _check_zone(source, name)
    where = f"{source}: column {column!r}"
    instants, local = _place(where, dates, zone)
    shown = f"a stamp without a time zone is local time of {zone}, others are converted to it"
    days = local.normalize()
    if not any(stamp.seconds for stamp in dates.stamps):
        by_label = dates.by_text
        labels = days
        if exchange is None or exchange.is_open(by_label).sum() >= exchange.is_open(days).sum():
            labels, shown = by_label, "stamps at midnight are the days that they show"
        finding = _note_reading(where, dates, labels, shown)
        return SessionStamps(source, name, instants, labels, labels, True, finding)
    if exchange is None:
        ends = (days + pd.Timedelta(days=1)).tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
        ends = ends.tz_convert("UTC").tz_localize(None)
        return SessionStamps(
            source, name, instants, days, ends, days.is_unique, _note_reading(where, dates, days, shown)
        )
    if days.is_unique:
        finding = _note_reading(where, dates, days, shown)
        return SessionStamps(source, name, instants, days, days, True, finding)
    sessions, ends, label = _find_sessions(exchange, instants)
    finding = _note_reading(where, dates, sessions, f"{shown}; a stamp is the {label} of its bar")
    return SessionStamps(source, name, instants, sessions, ends, False, finding)


def _check_zone(source: str, name: str) -> str:
    """Return the name of a time zone."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SourceError(
            f"{source}: data.sessions is {name!r}, expected an exchange such as XNYS (pip install "
            "'tangency[calendars]') or a time zone such as America/New_York or UTC"
        ) from error
    return name


def _place(where: str, dates: Dates, zone: str) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Return the distinct stamps in UTC and in local time, both without a time zone."""
    odd = next((stamp for stamp in dates.stamps if stamp.has_zone and stamp.offset is None), None)
    if odd is not None:
        raise SourceError(
            f"{where}: the time zone of a stamp on {odd.day} has no UTC offset that can be read"
        )
    seconds = np.array([stamp.seconds for stamp in dates.stamps])
    wall = dates.by_text.as_unit("us") + pd.to_timedelta(np.rint(seconds * 1e6).astype(np.int64), unit="us")
    fixed = np.array([stamp.offset is not None for stamp in dates.stamps])
    shift = np.array([stamp.offset or 0 for stamp in dates.stamps])
    try:
        own = wall[~fixed].tz_localize(zone).tz_convert("UTC").tz_localize(None)
    except ValueError as error:
        raise SourceError(
            f"{where}: local times of {zone} that a change of the clock repeats or skips: {error}; write the UTC offset"
        ) from error
    instants = (wall - pd.to_timedelta(shift, unit="min")).to_numpy().copy()
    instants[~fixed] = own.to_numpy()
    placed = pd.DatetimeIndex(instants)
    return placed, placed.tz_localize("UTC").tz_convert(zone).tz_localize(None)


def _find_sessions(
    exchange: Exchange, instants: pd.DatetimeIndex
) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex, str]:
    """Return the session of each instant, its end, and what stamps are of their bars: the start or the end.

    They are the end if some of the first stamps are closes of sessions and none are opens.
    """
    first = instants[instants <= instants.min() + _BEGINNING]
    is_end = bool(first.isin(exchange.closes).any()) and not first.isin(exchange.opens).any()
    opens = exchange.opens.as_unit("us")
    place = opens.searchsorted(instants, side="left" if is_end else "right") - 1
    inside = place >= 0
    ends = exchange.closes.as_unit("us")[np.maximum(place, 0)]
    inside &= np.asarray(instants <= ends if is_end else instants < ends)
    days = exchange.sessions[np.maximum(place, 0)].as_unit("us")
    return pd.DatetimeIndex(days.where(inside)), ends, "end" if is_end else "start"


def _note_reading(where: str, dates: Dates, sessions: pd.DatetimeIndex, how: str) -> Finding:
    """Note how stamps were read, with an example."""
    place = int(np.argmax(np.asarray(sessions.notna())))
    stamp = dates.stamps[place]
    minutes = int(stamp.seconds // 60)
    example = f"{stamp.day} {minutes // 60:02d}:{minutes % 60:02d}"
    text = (
        f"{where}: {how}: {example!r} belongs to {sessions[place]:%Y-%m-%d}"
        if sessions.notna().any()
        else f"{where}: {how}"
    )
    return Finding(INTERPRETATION, "note", None, None, text)
