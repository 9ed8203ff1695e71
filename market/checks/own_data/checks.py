"""Checks of the user's series and tables: whether they could have been known when they are said to."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.suggestions import list_names
from foundation.types import Floats, Indices
from market.as_of.asset_tables import AssetTable
from market.checks.own_data.delays import check_delays
from market.checks.own_data.values import check_constant, check_sign, check_zeros
from market.findings import Finding
from market.macro import MacroSeries
from market.panel import Panel

_FEWEST = 8
"""Records from which a pattern of dates is judged."""
_SHARE = 0.9
"""Share of records that follow a pattern."""
_STRONG = 0.4
"""Correlation with a later return that no published predictor reaches by far."""
_SIGNIFICANT = 6.0
"""t-statistic of such a correlation: a run may have hundreds of series."""
_DATES = 24
"""Dates of which a correlation is computed, at least."""


def check_own_data(panel: Panel, names: Collection[str], published: Collection[str]) -> Iterator[Finding]:
    """Find what makes the dates of the user's series and tables doubtful.

    Parameters
    ----------
    panel : Panel
    names : collection of str
        Series to check; all tables are checked.
    published : collection of str
        Names of those whose file says when a value became known.
    """
    for name in names:
        series = panel.macro[name]
        yield from _check_clocks(panel, name, series.observed_at, series.known_at, name in published)
        if series.period_months and name in published:
            yield from _check_instant(name, series.observed_at, series.known_at)
        yield from _check_end(panel, name, series.at(panel.dates)[:, None])
        yield from check_sign(name, series.transform, series.values)
        yield from check_zeros(name, series)
        yield from check_constant(name, series)
        yield from _check_market(panel, name, series)
    for name, table in panel.tables.items():
        yield from _check_clocks(panel, name, table.observed_at, table.known_at, name in published)
        if name in published and _are_month_ends(table.observed_at):
            yield from _check_instant(name, table.observed_at, table.known_at)
        yield from _check_coverage(panel, name, table)
        yield from _check_end(panel, name, table.at(panel.dates))
        yield from check_sign(name, table.transform, table.value)
        yield from _check_returns(panel, name, table)
    if panel.month == 1:
        clocks = {name: (panel.macro[name].observed_at, panel.macro[name].known_at) for name in names}
        clocks |= {name: (table.observed_at, table.known_at) for name, table in panel.tables.items()}
        yield from check_delays(
            panel.dates, {name: both for name, both in clocks.items() if name not in published}
        )


def _check_clocks(
    panel: Panel, name: str, observed: pd.DatetimeIndex, known: pd.DatetimeIndex, published: bool
) -> Iterator[Finding]:
    """Find series of which nothing is known, or whose history became known on one day."""
    if not len(known):
        text = f"{name}: no value of it is known by the last date, {panel.dates[-1]:%Y-%m-%d}; its features are missing"
        yield Finding("nothing known", "warning", None, None, text)
        return
    if not published or len(known) < _FEWEST:
        return
    days, counts = np.unique(known.to_numpy(), return_counts=True)
    most = int(counts.argmax())
    when = pd.Timestamp(days[most])
    share = counts[most] / len(known)
    if share >= _SHARE and (panel.dates < when).any():
        text = (
            f"{name}: {counts[most]} of its {len(known)} values are said to be known from one day on, {when:%Y-%m-%d}:"
            f" a back-filled history. Nothing of {observed.min():%Y-%m-%d} to {observed.max():%Y-%m-%d} is known in the"
            " backtest before that day, and its features are missing until then; if the values were published as they"
            " came, give the dates of publication, or a lag"
        )
        yield Finding("back-filled history", "warning", None, when, text)


def _are_month_ends(dates: pd.DatetimeIndex) -> bool:
    """Whether almost all dates are last days of months, as ends of fiscal periods are."""
    return len(dates) > 0 and float(np.mean(dates.is_month_end)) >= _SHARE


def _check_coverage(panel: Panel, name: str, table: AssetTable) -> Iterator[Finding]:
    """Find assets of which a table holds nothing: their names may be written in another way."""
    without = [asset for n, asset in enumerate(panel.assets) if not (table.asset == n).any()]
    if without:
        text = (
            f"{name}: no value of {format_count(len(without), 'asset')} of {len(panel.assets)},"
            f" {list_names(without, 5)}: its features are missing there; are the assets called as the prices call them?"
        )
        yield Finding("assets without values", "warning", without[0], None, text)


def _check_end(panel: Panel, name: str, values: Floats) -> Iterator[Finding]:
    """Find series and tables that ended before the prices: their features are missing at the last dates."""
    there = np.flatnonzero(np.isfinite(values).any(axis=1))
    if len(there) and there[-1] < len(panel.dates) - 1:
        last = panel.dates[there[-1]]
        text = (
            f"{name}: no value is young enough after {last:%Y-%m-%d} (max_age): its features are missing until the last"
            f" date, {panel.dates[-1]:%Y-%m-%d}; bring the file up to date, or set data.end"
        )
        yield Finding("ended", "warning", None, last, text)


def _check_instant(name: str, observed: pd.DatetimeIndex, known: pd.DatetimeIndex) -> Iterator[Finding]:
    """Find values of months or longer periods that are said to be known on the last day of their period."""
    same = known == observed
    if len(same) >= _FEWEST and same.mean() >= _SHARE:
        text = (
            f"{name}: the values of whole periods are said to be known on the last day of the period"
            f" ({observed[0]:%Y-%m-%d} and {int(same.sum()) - 1} more): known_at looks like the date of the"
            " period and not that of publication; name the column of publication, or give a lag"
        )
        yield Finding("known at once", "warning", None, observed[0], text)


def _check_market(panel: Panel, name: str, series: MacroSeries) -> Iterator[Finding]:
    """Find a series that predicts the market's next return too well."""
    level = series.at(panel.dates)
    changes = np.concatenate([[np.nan], np.diff(level)]) if len(level) else level
    pairs = list(_later_returns(panel, panel.market[:, None]))
    if series.period_months and (month := _month(panel)):
        news = np.flatnonzero(changes[:-month] != 0)  # a month's first day, if its stamp is taken for the day
        pairs.append(
            (_sum_ahead(panel.market[:, None], month, news), "of the month that follows each new value")
        )
    for later, what in pairs:
        for values, kind in ((level, "value"), (changes, "change")):
            r, n = _correlate(values, later[:, 0])
            if _is_too_good(r, n):
                yield _name_leak(
                    panel, name, f"{kind} known at each close", r, n, f"the market's return {what}"
                )
                return


def _check_returns(panel: Panel, name: str, table: AssetTable) -> Iterator[Finding]:
    """Find a table that predicts the assets' next returns too well."""
    values = table.at(panel.dates)
    for later, what in _later_returns(panel, panel.returns):
        r, n = _correlate_by_date(values, later) if len(panel.assets) >= 5 else _correlate(values, later)
        if _is_too_good(r, n):
            yield _name_leak(panel, name, "value known at each close", r, n, f"the asset's return {what}")
            return


def _later_returns(panel: Panel, returns: Floats) -> Iterator[tuple[Floats, str]]:
    """Yield the return of the next step and, where steps are shorter, that of the next month at every month's row."""
    later = np.full(returns.shape, np.nan)
    later[:-1] = returns[1:]
    yield later, "of the next step"
    if month := _month(panel):
        rows = np.arange(0, len(returns) - month, month)
        yield _sum_ahead(returns, month, rows), "of the next month"


def _month(panel: Panel) -> int:
    """Return the steps of a month; 0 if a step is no shorter, or there is no whole month."""
    month = panel.month
    return month if isinstance(month, int) and 1 < month < len(panel.dates) else 0


def _sum_ahead(returns: Floats, month: int, rows: Indices) -> Floats:
    """Return the log return of the next `month` steps at some rows, NaN at others."""
    growth = np.cumsum(np.log1p(np.nan_to_num(np.maximum(returns, -0.999999))), axis=0)
    ahead = np.full(returns.shape, np.nan)
    ahead[rows] = np.where(np.isfinite(returns[rows]), growth[rows + month] - growth[rows], np.nan)
    return ahead


def _correlate(values: Floats, later: Floats) -> tuple[float, int]:
    """Return the correlation of the pairs that are present, and their number."""
    both = np.isfinite(values) & np.isfinite(later)
    x, y = values[both], later[both]
    if len(x) < _DATES or not (x.std() > 1e-9 * np.abs(x).max() and y.std() > 0):
        return 0.0, len(x)
    return float(np.corrcoef(x, y)[0, 1]), len(x)


def _correlate_by_date(values: Floats, later: Floats) -> tuple[float, int]:
    """Return the mean rank correlation across assets, and the number of dates."""
    both = np.isfinite(values) & np.isfinite(later)
    rows = np.flatnonzero(both.sum(axis=1) >= 5)[-2000:]
    x = pd.DataFrame(np.where(both[rows], values[rows], np.nan)).rank(axis=1)
    y = pd.DataFrame(np.where(both[rows], later[rows], np.nan)).rank(axis=1)
    by_date = x.corrwith(y, axis=1).dropna() if len(rows) else pd.Series(dtype=float)
    return (float(by_date.mean()), len(by_date)) if len(by_date) >= _DATES else (0.0, len(by_date))


def _is_too_good(r: float, n: int) -> bool:
    return abs(r) >= _STRONG and abs(r) * np.sqrt(n) >= _SIGNIFICANT * np.sqrt(max(1.0 - r * r, 1e-12))


def _name_leak(panel: Panel, name: str, what: str, r: float, n: int, later: str) -> Finding:
    text = (
        f"{name}: its {what} has a correlation of {r:.2f} with {later} ({n} values up to {panel.dates[-1]:%Y-%m-%d}); a"
        " good predictor seldom reaches 0.1. It probably contains that return: check lag or known_at, and whether the"
        " dates are the beginnings of periods (stamps: period_start)"
    )
    return Finding("predicts too well", "warning", None, None, text)
