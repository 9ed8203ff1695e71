"""Checklist: all checks of the values of a source, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from foundation.counts import format_count
from market.checks.anomalies import check_anomalies, check_magnitude
from market.checks.asset_names import check_names
from market.checks.bars import check_bars, check_volume
from market.checks.cash import check_cash, check_cash_returns, check_cash_values
from market.checks.integrity import check_impossible
from market.checks.plausibility import check_counts
from market.checks.suspicions.suspicions import check_suspicions
from market.checks.units import check_fractions, check_units
from market.errors import DataError, SourceError
from market.findings import Finding, join_findings, raise_if_fatal
from market.values.inputs import PanelInputs
from market.values.riskless import relative_volatility


def check_inputs(inputs: PanelInputs) -> tuple[Finding, ...]:
    """Check the values of a source, each group of checks on what the groups before accept.

    Raises
    ------
    DataError
        If there is too little data, or a fatal finding.
    """
    finer = () if inputs.finer is None else _select_finer(check_inputs(inputs.finer))
    return join_findings(finer, (f for group in _list_groups(inputs) for f in raise_if_fatal(group)))


def list_findings(inputs: PanelInputs) -> tuple[Finding, ...]:
    """Return the findings of all groups of checks up to the first one with a fatal finding; nothing is raised."""
    finer = () if inputs.finer is None else _select_finer(list_findings(inputs.finer))
    found: list[Finding] = []
    try:
        for group in _list_groups(inputs):
            found += group
            if any(finding.severity == "fatal" for finding in found):
                break
    except DataError as error:
        found.append(Finding("unusable", "fatal", None, None, str(error)))
    return join_findings(finer, found)


def _select_finer(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Return findings of a source before it was resampled, without those that resampling answers."""
    return (finding for finding in findings if finding.check not in ("running period", "repeated period"))


def _list_groups(inputs: PanelInputs) -> Iterator[Iterable[Finding]]:
    """Return the findings of the checks, in groups."""
    source = inputs.source
    if not inputs.assets:
        if not len(inputs.grid.dates):
            raise SourceError(f"{source}: no row of data below the names of columns")
        raise SourceError(f"{source}: no asset is left beside the date, cash and market columns")
    yield check_names(source, inputs.assets)
    yield _note_empty_rows(inputs)
    table = inputs.table
    units = check_units(table, percent=inputs.percent)
    yield chain(check_impossible(table), units, check_volume(table, inputs.volume))
    yield check_fractions(table) if inputs.percent else ()
    yield check_bars(table, inputs.bars)
    yield chain(check_magnitude(table), check_counts(table))
    yield check_anomalies(table)
    yield check_suspicions(table, inputs.volume)
    if not np.isfinite(table.returns[:, inputs.columns]).any():
        raise DataError(f"{source}: no asset has two prices, so there is no return")
    if inputs.cash_column is not None:
        yield check_cash_values(inputs.cash_column)
        yield check_cash_returns(inputs.cash_column)
    yield check_cash(source, table.dates[inputs.used], inputs.cash_returns[inputs.used])
    yield _check_riskless(inputs)
    if inputs.market_table is not None and inputs.has_other_market:
        yield chain(check_impossible(inputs.market_table), check_units(inputs.market_table))
        yield chain(check_magnitude(inputs.market_table), check_counts(inputs.market_table))
        yield check_anomalies(inputs.market_table)


def _note_empty_rows(inputs: PanelInputs) -> Iterator[Finding]:
    """Note rows without any value, which are left out because no trade is possible there."""
    dates = inputs.grid.dates[~inputs.filled]
    if len(dates):
        text = (
            f"{inputs.source}: {format_count(len(dates), 'row holds', 'rows hold')} no asset's "
            f"value, the first {dates[0]:%Y-%m-%d}; left out"
        )
        yield Finding("empty row", "note", None, dates[0], text)


def _check_riskless(inputs: PanelInputs) -> Iterator[Finding]:
    """Return one finding per nearly riskless asset."""
    riskless, returns, year = inputs.riskless, inputs.listed, inputs.table.frequency.periods_per_year
    share = relative_volatility(returns, inputs.known_cash, year) if riskless.any() else returns
    for column in np.flatnonzero(riskless.any(axis=0)).tolist():
        rows = np.flatnonzero(riskless[:, column])
        first, name = inputs.table.dates[inputs.first + rows[0]], inputs.assets[column]
        typical = np.nanmedian(share[rows, column])
        text = (
            f"{inputs.source}: column {name!r}, {first:%Y-%m-%d}: nearly riskless on {len(rows)} of "
            f"{np.isfinite(returns[:, column]).sum()} dates: its volatility is {typical:.1%} of the median asset's. On "
            "these dates no model is fitted to it or forecasts it, and it is no part of the market's mean; it is "
            "expected to earn what cash earns. If it is what idle money earns, name it as data.cash instead"
        )
        yield Finding("nearly riskless", "warning", name, first, text)
