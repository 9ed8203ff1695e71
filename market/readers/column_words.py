"""Words in the names of columns, normalised, and the roles that they give."""

from __future__ import annotations

import re

DATES = (
    *("date", "dates", "datetime", "timestamp", "tradedate", "tradingdate", "observationdate", "caldt", "ds"),
    *("yyyymmdd", "yyyymm"),
    *("closetime", "time", "opentime", "month"),
    *("datadate", "dlycaldt", "mthcaldt", "exchangedate", "pricedate", "datum", "yyyyq", "sasdate"),
)
PARTS_OF_DATES = ("year", "quarter", "week", "weekday", "dayofweek", "hour", "minute", "unix")
SURE_ASSETS = ("asset", "symbol", "ticker", "tic", "uniqueid")
ASSETS = (
    *SURE_ASSETS,
    *("instrument", "security", "name", "assetid", "stock", "stockcode", "code", "contract", "coin", "pair"),
    *("currency", "country", "isin", "cusip", "sedol", "ric", "permno", "gvkey", "id"),
)
NEVER_ASSETS = (*SURE_ASSETS, "assetid", "instrument", "isin", "cusip", "sedol", "permno", "permco", "gvkey")
"""Names of columns that name assets: no asset is called so, unless a setting says that the table is wide."""
RETURNS = ("return", "returns", "ret", "totalreturn", "y", "value")
LOOSE_VALUES = ("y", "value", "last", "nav", "settle", "settlement")
ROLES: dict[str, tuple[str, ...]] = {
    "price": ("price", "y", "value", "last", "lastprice", "pxlast", "settle", "settlement", "nav", "zuletzt"),
    "adjusted": (
        *("adjclose", "adjustedclose", "closeadj", "closeadjusted", "adjclosingprice", "adjcloseprice"),
        *("adjustedcloseprice", "adjprice", "adjustedprice"),
    ),
    "open": ("open", "openprice", "openingprice", "pxopen", "priceopen", "erffn", "erffnung"),
    "high": ("high", "highprice", "pxhigh", "pricehigh", "hoch"),
    "low": ("low", "lowprice", "pxlow", "pricelow", "tief"),
    "close": (
        *("close", "closeprice", "closingprice", "closelast", "priceclose", "lastclose"),
        *("trdprc1", "schlusskurs", "schluss"),
    ),
    "vwap": ("vwap", "volumeweightedaverageprice"),
    "volume": (
        *("volume", "pxvolume", "tradingvolume", "sharevolume", "totalvolume", "vol", "turnover", "shares"),
        *("sharestraded", "tradecount", "numberoftrades", "accumulatedvolume", "acvol1", "umsatz"),
    ),
    "other": (
        *("dividends", "dividend", "dividendamount", "divcash", "exdividend", "stocksplits", "stocksplit"),
        *("splitfactor", "splitratio", "splitcoefficient", "splits", "capitalgains", "tradecount", "count"),
        *("numberoftrades", "trades", "openinterest", "openint", "change", "change%", "changepercent"),
        *(
            "chg%",
            "%chg",
            "net",
            "netchg",
            "%",
            "turnoverusd",
            "turnovereur",
            "unadjustedclose",
            "pctchange",
            "quotevolume",
            "quoteassetvolume",
            "takerbuybasevolume",
            "ignore",
        ),
        *("takerbuyvolume", "takerbuyquotevolume", "takerbuybaseassetvolume", "takerbuyquoteassetvolume"),
        *("amount", "bid", "ask", "net", "netchg", "%", "turnoverusd", "turnovereur"),
        *("adjopen", "adjhigh", "adjlow", "adjvolume", "adjustedopen", "adjustedhigh", "adjustedlow"),
        *("adjustedvolume", "adjfactor", "adjustmentfactor", "closeunadj", "marketcap", "sharesoutstanding"),
        *("per", "lastupdated"),
    ),
}
ADJUSTED = re.compile(
    r"(adj(usted)?|close|closing|price|prc|px|last|settle(ment)?|nav|value|total|split|div(idends?)?|and|back|usd|eur|gbp)+"
)
"""Words of which the name of an adjusted price is made, whatever their order."""
NOT_ADJUSTED_CLOSE = re.compile(
    r"(un|non?|not|pre|before)adj|adjustments?|open|high|low|vol|vwap|factor|ratio|coef|shares|date|flag|method|type"
)
TOTAL_RETURN = ("totalreturnindex", "totalreturnprice", "totalreturnlevel", "trindex", "tri")
VOLUME_IN = re.compile(r"volume(from|to|[a-z]{3,4})")
"""Volumes counted in a currency: "Volume BTC"."""
ROLE_OF = {word: role for role, words in ROLES.items() for word in words}
# An asset may bear these names: LOW, OPEN, VOL, PER and BID are tickers, "Low" and "High" sorted portfolios.
MAYBE_ASSETS = {
    *(*ROLES["price"], "open", "high", "low", "vol", "count", "change", "trades", "amount", "turnover"),
    *("bid", "ask", "ignore", "per", "dividend", "splits", "adj", "net", "hoch", "tief", "%"),
}
