"""Recognition: which column of a file is cash or the market, which rows to keep, and what a session is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from market.checks.cash import guess_cash_kinds
from market.frequency import EVERY_DAY
from market.readers.prices import FileSettings
from market.values.dates.trading_calendar import WEEKDAYS
from pipeline.file_check.examination import Examination, examine_file
from pipeline.file_check.request import FileRequest
from pipeline.first_config.intraday import trades_all_hours

_CASH = re.compile(r"rf|rfree|riskfree(rate)?|cash|tbills?|treasurybills?|bil|shv|sgov|eonia|estr|sofr")
_MARKET = re.compile(r"mkt|market|benchmark|gspc|sp500(index|tr)?|spx(index)?|msci(world|acwi)")
_FEWEST = 3
"""Assets that must be left beside cash and the market."""
_MOSTLY = 0.9


@dataclass(frozen=True)
class Recognised:
    """A setting of the section `data` that was recognised.

    Attributes
    ----------
    key : str
    value : object
        In types of YAML.
    why : str
    """

    key: str
    value: Any
    why: str


def recognise_columns(request: FileRequest) -> tuple[Examination, list[Recognised]]:
    """Return the examination of a file with the settings that its columns and rows suggest, and these settings.

    A setting that the request gives is kept. One that makes a finding fatal is not taken.
    """
    done = examine_file(request)
    taken: list[Recognised] = []
    if done.inputs is None and trades_all_hours(request):
        taken.append(
            Recognised("sessions", "UTC", "rows at all hours of all days; a day in UTC is a session")
        )
        request = replace(request, settings=replace(request.settings, sessions="UTC"))
        done = examine_file(request)
    if done.settings.values != request.settings.values and not request.values_given:
        taken.append(Recognised("values", done.settings.values, "what the values look like"))
    for candidate in [*_find_calendar(done), *_find_cash(done), *_find_market(done)]:
        if done.exit_code == 2 or getattr(request.settings, candidate.key) != getattr(
            FileSettings(), candidate.key
        ):
            continue
        settings = replace(done.settings, **{candidate.key: candidate.value})
        tried = examine_file(replace(request, settings=settings, values_given=True))
        if tried.exit_code < 2:
            done = tried
            taken.append(candidate)
    return done, taken


def _find_calendar(done: Examination) -> Iterator[Recognised]:
    """Suggest rows to keep: weekdays where some assets rest at weekends, and no unfinished last period."""
    if done.inputs is None or done.frequency is None:
        return
    checks = {finding.check for finding in done.findings}
    weekend = np.asarray(done.dates.day_of_week >= 5)
    if done.inputs.table.frequency.unit == EVERY_DAY.unit:
        share = np.isfinite(done.values[weekend]).mean(axis=0)
        resting = bool((share < 1 - _MOSTLY).any() and (share > _MOSTLY).any())
        if resting or "carried weekend" in checks:
            yield Recognised("calendar", WEEKDAYS, "some assets do not trade at weekends")
    if "running period" in checks:
        yield Recognised("running_period", "drop", "the last row seems to belong to an unfinished period")


def _find_cash(done: Examination) -> Iterator[Recognised]:
    """Suggest a column of cash by its name, or the only nearly riskless one."""
    if done.inputs is None or done.exit_code == 2 or len(done.assets) <= _FEWEST:
        return
    named = [name for name in done.assets if _CASH.fullmatch(_plain(name))]
    riskless = [f.asset for f in done.findings if f.check == "nearly riskless" and f.asset is not None]
    still = [name for name in riskless if _is_mostly_riskless(done, name)]
    name = named[0] if len(named) == 1 else still[0] if len(still) == 1 and not named else None
    if name is None:
        return
    why = "by its name" if named else "nearly riskless beside the others"
    kind = _cash_kind(done, name)
    if kind is not None:
        yield Recognised("cash", {"column": name, "values": kind}, why)


def _cash_kind(done: Examination, name: str) -> str | None:
    """Return what a column of cash holds; None if nothing fits."""
    if done.settings.values != "prices":
        return "percent_returns" if done.settings.values == "percent_returns" else "returns"
    values = done.values[:, done.assets.index(name)]
    table = None if done.inputs is None else done.inputs.table
    kinds = {} if table is None else guess_cash_kinds(values, table.frequency.periods_per_year)
    return next(iter(kinds), None)


def _is_mostly_riskless(done: Examination, name: str) -> bool:
    inputs = done.inputs
    if inputs is None:
        return False
    column = inputs.assets.index(name)
    listed = np.isfinite(inputs.listed[:, column])
    return bool(inputs.riskless[:, column].sum() > _MOSTLY * listed.sum())


def _find_market(done: Examination) -> Iterator[Recognised]:
    """Suggest a column of the market by a name that no asset bears."""
    named = [name for name in done.assets if _MARKET.fullmatch(_plain(name))]
    if len(named) == 1 and len(done.assets) > _FEWEST + 1:
        yield Recognised("market", named[0], "by its name; it is then no asset")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
