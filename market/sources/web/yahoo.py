"""Daily bars from Yahoo Finance, by the package yfinance."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from foundation.suggestions import list_names
from market.errors import SourceError
from market.sources.kinds import YahooPrices
from market.sources.retries import TemporaryError, retry
from market.sources.settings import FetchSettings

_COLUMNS = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Adj Close": "adj_close",
    "Volume": "volume",
}
"""Columns of yfinance, and what they are called here."""


def fetch_yahoo(source: YahooPrices, settings: FetchSettings) -> Any:
    """Return daily bars as a long Arrow table: date, asset, open, high, low, close, adj_close and volume.

    Dates are those of the sessions at the exchange. The bar of a session that is not over is left out.

    Raises
    ------
    UnreachableError
        If Yahoo cannot be reached or limits requests.
    SourceError
        If yfinance is not installed, or Yahoo does not know a ticker.
    """
    try:
        import yfinance
    except ImportError as error:
        raise SourceError(f"{source.label}: needs yfinance: pip install 'tangency[yfinance]'") from error
    if settings.cache is not None:
        yfinance.set_tz_cache_location(str(settings.cache / "yfinance"))
    parts = [
        retry(source.label, settings.attempts, partial(_ask, yfinance, ticker, source, settings))
        for ticker in source.tickers
    ]
    return pa.Table.from_pandas(pd.concat(parts, ignore_index=True), preserve_index=False)


def _ask(yfinance: Any, ticker: str, source: YahooPrices, settings: FetchSettings) -> pd.DataFrame:
    """Return the bars of a ticker."""
    span = {"period": "max"} if source.start is None else {"start": source.start.isoformat()}
    hidden, yfinance.config.debug.hide_exceptions = yfinance.config.debug.hide_exceptions, False
    try:
        share = yfinance.Ticker(ticker)
        bars = share.history(
            **span, interval="1d", auto_adjust=False, actions=False, timeout=settings.timeout_seconds
        )
        last = _running_session(share)
    except yfinance.exceptions.YFRateLimitError as error:
        raise TemporaryError("Yahoo limits the number of requests; try again in some minutes") from error
    except yfinance.exceptions.YFException as error:
        raise SourceError(f"{source.label}: {' '.join(str(error).split())}") from error
    except (OSError, ValueError) as error:  # those of curl_cffi are OSErrors, cut JSON is a ValueError
        raise TemporaryError(" ".join(str(error).split())) from error
    finally:
        yfinance.config.debug.hide_exceptions = hidden
    return convert_bars(bars, ticker, source.label, last)


def convert_bars(bars: pd.DataFrame, ticker: str, label: str, running: dt.date | None = None) -> pd.DataFrame:
    """Return the bars of a ticker as a long table.

    Parameters
    ----------
    bars : DataFrame
        What `yfinance.Ticker.history` returned, not adjusted.
    ticker, label : str
    running : date, optional
        A session that is not over; its bar is left out.

    Raises
    ------
    SourceError
        If it has no bars, or other columns.
    """
    if bars.empty:
        raise SourceError(f"{label}: Yahoo has no prices of {ticker!r}")
    missing = [name for name in _COLUMNS if name not in bars.columns]
    if missing or not isinstance(bars.index, pd.DatetimeIndex):
        raise SourceError(
            f"{label}: the answer has no columns {list_names(missing)} or no dates as its index"
        )
    days = bars.index.tz_localize(None).normalize()
    table = bars[list(_COLUMNS)].rename(columns=_COLUMNS).astype(np.float64)
    table.insert(0, "date", days.date)
    table.insert(1, "asset", ticker)
    return table[table["date"] != running] if running is not None else table


def _running_session(share: Any) -> dt.date | None:
    """Return the day of the session of an exchange that is not over yet, at the exchange."""
    metadata = share.get_history_metadata()
    regular = (metadata.get("currentTradingPeriod") or {}).get("regular") or {}
    end, zone = regular.get("end"), metadata.get("exchangeTimezoneName")
    if end is None or zone is None:
        return None
    stamp = pd.Timestamp(end, unit="s", tz="UTC") if isinstance(end, int | float) else pd.Timestamp(end)
    return stamp.tz_convert(zone).date() if pd.Timestamp.now("UTC") < stamp else None
