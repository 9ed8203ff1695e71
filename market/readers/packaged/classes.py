"""Asset classes: US equity, small value, large growth, corporate bonds and oil, from data inside installed packages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from foundation.types import Floats
from market.checks.checklist import check_inputs
from market.findings import Finding
from market.macro import MacroSeries
from market.panel import Panel
from market.readers.packaged.datasets import MACRO_NOTE, load_macro
from market.readers.packaged.files import read_packaged
from market.readers.packaged.par_bonds import compute_par_bond_returns
from market.values.cash import CashColumn
from market.values.grid import Grid
from market.values.inputs import PanelInputs, make_panel
from market.values.returns import simple_returns

_ASSETS = ("USEquity", "SmallValue", "LargeGrowth", "AAABonds", "BAABonds", "Oil")
_BONDS = {"AAABonds": "aaa_yield", "BAABonds": "baa_yield"}
_MATURITY = 20
"""Years. Moody's takes bonds with at least 20 years left; with 20, AAA moves about as much as indices of such bonds."""
_FEWEST = 36
"""Months from which on an autocorrelation is stated."""
_NOTES = (
    "Bond returns are computed from yields: a par bond of 20 years is bought each month and sold a month later. Real"
    " bonds were often called before; defaults and downgrades, which cost BAA most, and costs are left out. Levels and"
    " risk of bonds are approximate.",
    "Oil is the WTI spot price at the last quote of the month, from 1986-01. Nobody holds barrels without storing"
    " them, and futures earn something else: it is no investable return.",
    "USEquity, SmallValue and LargeGrowth are value-weighted indices without costs or fees, from a later edition of the"
    " database; companies that died are in them. SmallValue holds the smallest stocks, which are dear to trade.",
    "The market is the equally weighted mean of the classes.",
    MACRO_NOTE,
)


def load_classes(known_by: pd.Timestamp | None = None) -> tuple[Panel, tuple[Finding, ...]]:
    """Load six US asset classes with T-bills as cash, monthly from 1949-01 to 2017-03, and macro series.

    USEquity is the market factor plus the bill, SmallValue and LargeGrowth are corners of the portfolios by size and
    value (Kenneth R. French, Data Library). AAABonds and BAABonds are par bonds of 20 years at Moody's seasoned yields
    (`compute_par_bond_returns`). Oil is the WTI spot price at the end of the month; its first return is of 1986-02.

    A yield is the mean over its month, so that a bond's return at t is known at t but was earned around the middles
    of two months. With `execution_lag` 0 a decision would trade at a mean price that is over. With 1 it trades over
    the days of the next month, which can be done.

    Rows of the files later than `known_by` are left out before anything else is done with them.
    """
    data = read_packaged("linearmodels", "datasets/french/french.csv.bz2")
    dates = pd.DatetimeIndex(pd.to_datetime(data["dates"])) + pd.offsets.MonthEnd(0)
    macro = load_macro()
    columns = {
        "USEquity": (data["MktRF"] + data["RF"]).to_numpy(dtype=np.float64),
        "SmallValue": data["S1V5"].to_numpy(dtype=np.float64),
        "LargeGrowth": data["S5V1"].to_numpy(dtype=np.float64),
        **{name: _bond_returns(macro[series], dates, known_by) for name, series in _BONDS.items()},
        "Oil": _oil_returns(macro["wti"], dates, known_by),
    }
    values = np.column_stack([columns[name] for name in _ASSETS])
    grid = Grid(dates, _ASSETS, values, None, ()).cut_at("classes", known_by)
    cash = data["RF"].to_numpy(dtype=np.float64)[: len(grid.dates)]
    bills = CashColumn("classes", "RF", grid.dates, cash, "returns")
    inputs = PanelInputs("classes", "classes", grid, "returns", cash=bills)
    findings = check_inputs(inputs)
    if known_by is not None:
        macro = {name: series.known_by(known_by) for name, series in macro.items()}
    return replace(make_panel(inputs, (_describe_means(grid), *_NOTES)), macro=macro), findings


def _bond_returns(series: MacroSeries, dates: pd.DatetimeIndex, known_by: pd.Timestamp | None) -> Floats:
    """Return the monthly total returns of par bonds at the yields of the months, NaN where there is none."""
    months, yields = _select_observed(series, known_by)
    returns = compute_par_bond_returns(yields, _MATURITY, periods_per_year=12)
    return np.asarray(pd.Series(returns, months).reindex(dates), dtype=np.float64)


def _oil_returns(series: MacroSeries, dates: pd.DatetimeIndex, known_by: pd.Timestamp | None) -> Floats:
    """Return the change of the last quote of each month, NaN where there is none.

    A quote is known to its market at the close of its day, before it is published as a series.
    """
    days, quotes = _select_observed(series, known_by)
    last = pd.Series(quotes, days.to_period("M")).groupby(level=0).last()
    return simple_returns(np.asarray(last.reindex(dates.to_period("M")), dtype=np.float64)[:, None])[:, 0]


def _select_observed(series: MacroSeries, known_by: pd.Timestamp | None) -> tuple[pd.DatetimeIndex, Floats]:
    """Return the observations up to a date, by the end of their period."""
    observed = series.observed_at
    n = len(observed) if known_by is None else int(observed.searchsorted(known_by, side="right"))
    return observed[:n], series.values[:n]


def _describe_means(grid: Grid) -> str:
    """Return the note on monthly mean yields, with the autocorrelation that they put into returns."""
    text = (
        "AAA and BAA yields are means over a month. Nobody can trade at a mean of days that are over: use execution_lag"
        " 1, so that a trade spreads over the next month. Returns between means have two thirds of the variance of"
        " returns between month ends and a first autocorrelation of 0.25 where true ones have none (Working, 1960)"
    )
    measured = []
    for name in (bond for bond in _BONDS if bond in grid.names):
        returns = grid.values[:, grid.names.index(name)]
        if len(returns) >= _FEWEST:
            measured.append(f"{np.corrcoef(returns[1:], returns[:-1])[0, 1]:.2f} ({name})")
    if not measured:
        return text + "."
    first, last = grid.dates[0], grid.dates[-1]
    return f"{text}; from {first:%Y-%m} to {last:%Y-%m} it is {' and '.join(measured)}."
