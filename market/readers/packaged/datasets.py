"""Industries and stocks, with macro series, from data inside installed packages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from foundation.types import Floats
from market.checks.checklist import check_inputs
from market.errors import SourceError
from market.findings import Finding
from market.macro import MacroSeries
from market.panel import Panel
from market.readers.packaged.files import read_packaged
from market.values.cash import CashColumn
from market.values.grid import Grid
from market.values.inputs import PanelInputs, make_panel

_INDUSTRIES = (
    "NoDur", "Durbl", "Manuf", "Enrgy", "Chems", "BusEq", "Telcm", "Utils", "Shops", "Hlth", "Money", "Other",
)  # fmt: skip
MACRO_NOTE = (
    "Macro series are of a later vintage: their release lag is respected, but revisions, such as those of"
    " core CPI's seasonal factors, are in them. A release lag is not a point-in-time record."
)
"""What readers of results with these series must know."""
_INDUSTRY_NOTES = (
    "Industry portfolios are indices: value-weighted, without costs or fees, from a later edition of the"
    " database; companies that died are in them.",
    MACRO_NOTE,
)
_STOCK_NOTES = (
    "The sample is survivorship-biased: these 20 companies are large today, and nobody could have picked"
    " them in 1990. The level of every result is too good; only compare strategies on it.",
    "The market is the S&P 500 price index, without dividends (about 2 % a year less than was earned).",
    "Cash earns the T-bill return until 2018-11, the last month of the file, and 0 after it.",
)
_TRADING_DAYS_A_MONTH = 21


def load_industries(known_by: pd.Timestamp | None = None) -> tuple[Panel, tuple[Finding, ...]]:
    """Load 12 US industry portfolios with T-bills as cash, monthly from 1949-01 to 2017-03, and macro series.

    Returns are of value-weighted portfolios of all listed US companies (Kenneth R. French, Data Library). The
    market is his market factor plus the bill. The file stamps a month's return at the first day of the month;
    it is known at the last, and dated so.

    Rows of the files later than `known_by` are left out before anything else is done with them.
    """
    data = read_packaged("linearmodels", "datasets/french/french.csv.bz2")
    dates = pd.DatetimeIndex(pd.to_datetime(data["dates"])) + pd.offsets.MonthEnd(0)
    market = (data["MktRF"] + data["RF"]).to_numpy()
    values = np.column_stack([data[list(_INDUSTRIES)].to_numpy(dtype=np.float64), market])
    grid = Grid(dates, (*_INDUSTRIES, "market"), values, None, ()).cut_at("industries", known_by)
    cash = data["RF"].to_numpy(dtype=np.float64)[: len(grid.dates)]
    bills = CashColumn("industries", "RF", grid.dates, cash, "returns")
    inputs = PanelInputs("industries", "industries", grid, "returns", cash=bills, market="market")
    findings = check_inputs(inputs)
    macro = load_macro()
    if known_by is not None:
        macro = {name: series.known_by(known_by) for name, series in macro.items()}
    return replace(make_panel(inputs, _INDUSTRY_NOTES), macro=macro), findings


def load_stocks(known_by: pd.Timestamp | None = None) -> tuple[Panel, tuple[Finding, ...]]:
    """Load 20 large US stocks with the S&P 500 as market, daily from 1990 to 2022.

    Prices are adjusted for splits and dividends. Cash is the US T-bill return of the month (Kenneth R. French), which
    is fixed when its month begins, spread over its days; 0 after the last month of the file, 2018-11.

    Rows of the files later than `known_by` are left out before anything else is done with them.
    """
    prices = read_packaged("skfolio", "datasets/data/sp500_dataset.csv.gz")
    index = read_packaged("skfolio", "datasets/data/sp500_index.csv.gz")
    if not prices["Date"].equals(index["Date"]):
        raise SourceError("stocks: the installed skfolio has other dates for the index than for the stocks")
    assets = tuple(str(name) for name in prices.columns[1:])
    dates = pd.DatetimeIndex(pd.to_datetime(prices["Date"], format="%Y-%m-%d"))
    values = np.column_stack([prices[list(assets)].to_numpy(dtype=np.float64), index["SP500"].to_numpy()])
    grid = Grid(dates, (*assets, "SP500"), values, None, ()).cut_at("stocks", known_by)
    bills = CashColumn("stocks", "RF", grid.dates, load_daily_bills(grid.dates), "returns")
    inputs = PanelInputs("stocks", "stocks", grid, "prices", cash=bills, market="SP500")
    findings = check_inputs(inputs)
    return make_panel(inputs, _STOCK_NOTES), findings


def load_daily_bills(dates: pd.DatetimeIndex) -> Floats:
    """Return the T-bill return of each trading day, a fraction; 0 where the bill's file has ended.

    A month's return is spread over 21 days whatever the month: the number of its trading days is known only
    when it is over.

    Parameters
    ----------
    dates : DatetimeIndex of length T

    Returns
    -------
    ndarray of shape (T,)
    """
    bills = read_packaged("arch", "data/frenchdata/frenchdata.csv.gz")  # percent a month; dates are yyyymm
    monthly = pd.Series(bills["RF"].to_numpy() / 100.0, index=bills["Date"].to_numpy())
    months = dates.year * 100 + dates.month
    rates = monthly.reindex(months).fillna(0.0).to_numpy(dtype=np.float64)
    return np.asarray((1.0 + rates) ** (1.0 / _TRADING_DAYS_A_MONTH) - 1.0, dtype=np.float64)


def load_macro() -> dict[str, MacroSeries]:
    """Load AAA and BAA yields, core CPI and the oil price, each with the date at which it became known.

    Returns
    -------
    dict of str to MacroSeries
        aaa_yield, baa_yield: monthly means of Moody's seasoned corporate bond yields, fractions a year.
        core_cpi: consumer prices less food and energy, seasonally adjusted index. wti: USD a barrel, daily.
    """
    yields = read_packaged("arch", "data/default/default.csv.gz")
    prices = read_packaged("arch", "data/core_cpi/core-cpi.csv.gz")
    oil = read_packaged("arch", "data/wti/wti.csv.gz")
    oil["DCOILWTICO"] = pd.to_numeric(oil["DCOILWTICO"], errors="coerce")  # holidays are dots
    oil = oil.dropna()
    # Monthly files stamp a month at its first day; a mean over the month is known when the month is over.
    months = pd.DatetimeIndex(pd.to_datetime(yields["Date"])) + pd.offsets.MonthEnd(0)
    measured = pd.DatetimeIndex(pd.to_datetime(prices["Date"])) + pd.offsets.MonthEnd(0)
    quoted = pd.DatetimeIndex(pd.to_datetime(oil["Date"]))
    # Yields are published day by day, their mean on the business day after the month: a decision at the last
    # close of the month does not see it.
    published = months + pd.offsets.BusinessDay(1)
    # Core CPI comes out between the 10th and the 20th of the next month. 21 days cover all but a shutdown of
    # government (September 2013's came on October 30).
    announced = measured + pd.Timedelta(days=21)
    # Spot oil is quoted daily but published by the energy statistics office about a week later.
    released = quoted + pd.Timedelta(days=7)
    aaa, baa = (yields[column].to_numpy(dtype=np.float64) / 100.0 for column in ("AAA", "BAA"))
    core, wti = prices["CPILFESL"].to_numpy(), oil["DCOILWTICO"].to_numpy()
    # A monthly series is replaced within 60 days or so: after 100 it has ended. Oil is replaced within 12.
    return {
        "aaa_yield": MacroSeries("aaa_yield", aaa, months, published, max_age_days=100),
        "baa_yield": MacroSeries("baa_yield", baa, months, published, max_age_days=100),
        "core_cpi": MacroSeries("core_cpi", core, measured, announced, max_age_days=100),
        "wti": MacroSeries("wti", wti, quoted, released, max_age_days=30),
    }
