"""Layouts of vendors: facts as rows of cells, with the settings that the file needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.fuzz.price_files.corpus import Rng, choose
from benchmarks.fuzz.vendor_files.facts import Facts, Sheet

TICKERS = ("KO", "PEP", "SPY", "BRK-B", "0700.HK", "SAP.DE", "^GSPC", "BTC-USD")
FIELD_NAMES = {
    "price": "Close",
    "adjusted": "Adj Close",
    "open": "Open",
    "high": "High",
    "low": "Low",
    "volume": "Volume",
}


def number(value: float, decimals: int) -> str:
    """Return a number as text; "" if it is missing."""
    return "" if np.isnan(value) else f"{value:.{decimals}f}"


def cells(facts: Facts, field: str, row: int) -> list[str]:
    """Return the cells of one field and date."""
    decimals = 0 if field == "volume" else facts.decimals
    return [number(value, decimals) for value in facts.fields[field][row]]


def wide(facts: Facts, rng: Rng) -> Sheet:
    """One column for each asset."""
    top = [[choose(rng, ("Date", "date", "DATE", "observation_date")), *facts.assets]]
    rows = [[day, *cells(facts, "price", n)] for n, day in enumerate(facts.dates)]
    return Sheet(top, rows, {}, ("price",))


def long_of_own_names(facts: Facts, rng: Rng) -> Sheet:
    """Make a long table whose columns only settings explain."""
    names = choose(rng, (("Tag", "Papier", "Kurs"), ("when", "who", "worth"), ("Stichtag", "Fonds", "Wert")))
    rows = [
        [day, asset, text]
        for n, day in enumerate(facts.dates)
        for asset, text in zip(facts.assets, cells(facts, "price", n), strict=True)
    ]
    options = {"layout": "long", "date_column": names[0], "asset_column": names[1], "price_column": names[2]}
    return Sheet([list(names)], rows, options, ("price",))


def long_of_bars(facts: Facts, rng: Rng) -> Sheet:
    """Kaggle's S&P 500 file: one row for each asset and date, sorted by asset."""
    fields = ("open", "high", "low", "price", "volume")
    rows = [
        [day, *(cells(facts, field, n)[i] for field in fields), asset]
        for i, asset in enumerate(facts.assets)
        for n, day in enumerate(facts.dates)
    ]
    return Sheet([["date", "open", "high", "low", "close", "volume", "Name"]], rows, {}, fields)


def yfinance(facts: Facts, rng: Rng) -> Sheet:
    """Three lines of names, tuples, or names such as KO_Close."""
    fields = choose(rng, (("price", "volume"), ("adjusted", "price", "high", "low", "open", "volume")))
    pairs = [(field, asset) for field in fields for asset in facts.assets]
    way = choose(rng, ("lines", "swapped", "tuples", "joined"))
    words = [FIELD_NAMES[field] for field, _ in pairs]
    tickers = [asset for _, asset in pairs]
    empty = [""] * len(pairs)
    top = {
        "lines": [["Price", *words], ["Ticker", *tickers], ["Date", *empty]],
        "swapped": [["Ticker", *tickers], ["Price", *words], ["Date", *empty]],
        "tuples": [["Date", *(f"('{word}', '{asset}')" for word, asset in zip(words, tickers, strict=True))]],
        "joined": [["Date", *(f"{asset}_{word}" for word, asset in zip(words, tickers, strict=True))]],
    }[way]
    rows = [
        [day, *(text for field in fields for text in cells(facts, field, n))]
        for n, day in enumerate(facts.dates)
    ]
    return Sheet(top, rows, {}, fields, notes=[way])


def bars(facts: Facts, rng: Rng) -> Sheet:
    """Bars of one asset, with or without an adjusted close."""
    fields: tuple[str, ...] = ("open", "high", "low", "price", "volume")
    if rng.random() < 0.5:
        fields = (*fields[:4], "adjusted", "volume")
    top = [["Date", *(FIELD_NAMES[field] for field in fields)]]
    rows = [[day, *(cells(facts, field, n)[0] for field in fields)] for n, day in enumerate(facts.dates)]
    return Sheet(top, rows, {}, fields, stem=facts.assets[0])


def investing(facts: Facts, rng: Rng) -> Sheet:
    """Newest first, volumes in thousands or millions, changes in percent."""
    top = [["Date", "Price", "Open", "High", "Low", "Vol.", "Change %"]]
    rows = []
    unit, divisor = choose(rng, (("K", 1e3), ("M", 1e6), ("B", 1e9)))
    for n, day in reversed(list(enumerate(facts.dates))):
        volume = f"{facts.fields['volume'][n, 0] / divisor:.5f}".rstrip("0").rstrip(".") + unit
        prices = [cells(facts, field, n)[0] for field in ("price", "open", "high", "low")]
        rows.append([day, *prices, volume, f"{(n % 7 - 3) / 10 + 0.05:.2f}%"])
    form = choose(rng, ("%m/%d/%Y", "%d/%m/%Y"))
    fields = ("price", "open", "high", "low", "volume")
    return Sheet(top, rows, {}, fields, stem=facts.assets[0], date_form=form)


def bloomberg(facts: Facts, rng: Rng) -> Sheet:
    """Lines of dates, of tickers and of fields."""
    n = len(facts.assets)
    top = [
        ["Start Date", f"{facts.dates[0]:%m/%d/%Y}", *[""] * (n - 1)],
        ["End Date", *[""] * n],
        ["", *facts.assets],
        ["Dates", *["PX_LAST"] * n],
    ]
    rows = [
        [day, *(text or "#N/A N/A" for text in cells(facts, "price", k))] for k, day in enumerate(facts.dates)
    ]
    form = choose(rng, ("%m/%d/%Y", "%d/%m/%Y", "%Y-%m-%d"))
    return Sheet(top, rows, {}, ("price",), date_form=form)


def french(facts: Facts, rng: Rng) -> Sheet:
    """Title lines, two tables, codes for missing returns, and a line below."""
    first, second = _table(facts, 1.0), _table(facts, -0.5)
    top = [
        ["This file was created by CMPT_IND_RETS using the 202401 CRSP database."],
        ["Missing data are indicated by -99.99 or -999."],
        [],
        ["  Average Value Weighted Returns -- Monthly"],
    ]
    head = ["", *facts.assets]
    options = {"values": "returns", "scale": "percent"}
    below = [[], ["Copyright 2024 Kenneth R. French"]]
    if rng.random() < 0.5:
        rows, other, title = first, second, "  Average Equal Weighted Returns -- Monthly"
        bottom = [[], [title], head, *[[f"{row[0]:%Y%m}", *row[1:]] for row in other], *below]
        return Sheet([*top, head], rows, options, ("price",), bottom=bottom, date_form="yyyymm")
    before = [[f"{row[0]:%Y%m}", *row[1:]] for row in second]
    top = [*top, head, *before, [], ["  Average Equal Weighted Returns -- Monthly"], head]
    return Sheet(top, first, {**options, "table": 2}, ("price",), bottom=below, date_form="yyyymm")


def _table(facts: Facts, factor: float) -> list[list[object]]:
    return [
        [day, *(number(factor * value, facts.decimals) or "-99.99" for value in facts.fields["price"][n])]
        for n, day in enumerate(facts.dates)
    ]


def klines(facts: Facts, rng: Rng) -> Sheet:
    """Bars of an exchange: times in milliseconds, with or without a line of names."""
    names = (
        *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count"),
        *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
    )
    form = choose(rng, ("ms", "us"))
    scale = 1000 if form == "ms" else 1_000_000
    rows = []
    for n, day in enumerate(facts.dates):
        start = int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()) * scale
        prices = [cells(facts, field, n)[0] for field in ("open", "high", "low", "price", "volume")]
        rows.append(
            [str(start), *prices, str(start + 86_400 * scale - 1), "1.5", str(n + 7), "1.25", "1.5", "0"]
        )
    top = [list(names)] if rng.random() < 0.5 else []
    fields = ("price", "open", "high", "low", "volume")
    return Sheet(top, rows, {}, fields, stem=facts.assets[0], date_form=form)


LAYOUTS: dict[str, Sequence[Callable[[Facts, Rng], Sheet]]] = {
    "many": (wide, wide, wide, long_of_own_names, long_of_bars, yfinance, yfinance, bloomberg),
    "one": (bars, bars, investing, klines, wide),
    "returns": (wide, wide, long_of_own_names, french, french),
}
"""Layouts by what they can hold: several assets, one, returns in percent."""
