"""Yahoo: the bars of yfinance as a long table of prices, also of yfinance itself where it is installed."""

import datetime as dt
import json
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from web_server import Planned

from market.errors import SourceError, UnreachableError
from market.load import load_panel
from market.sources.kinds import YahooPrices
from market.sources.settings import FetchSettings
from market.sources.web.yahoo import convert_bars, fetch_yahoo

ZONE = "America/New_York"
DAYS = pd.bdate_range("2024-01-02", periods=40)


def make_bars(seed=0, days=DAYS):
    """Bars in the form of `yfinance.Ticker.history(auto_adjust=False, actions=False)`."""
    rng = np.random.default_rng(seed)
    close = (100 * np.exp(np.cumsum(0.01 * rng.standard_normal(len(days))))).round(2)
    return pd.DataFrame(
        {
            "Open": close - 0.5,
            "High": close + 1,
            "Low": close - 1,
            "Close": close,
            "Adj Close": (0.97 * close).round(4),
            "Volume": rng.integers(1000, 9000, len(days)),
        },
        index=pd.DatetimeIndex(days.tz_localize(ZONE), name="Date"),
    )


class YFException(Exception):  # noqa: N818
    """As in yfinance."""


class YFRateLimitError(YFException):
    """As in yfinance."""


@pytest.fixture
def yfinance(monkeypatch):
    """A module in place of yfinance, with the parts that are used."""
    bars = {"SPY": make_bars(1), "TLT": make_bars(2)}
    asked = []

    class Ticker:
        def __init__(self, name):
            self.name = name

        def history(self, **options):
            asked.append((self.name, options))
            given = bars.get(self.name, YFException(f"${self.name}: possibly delisted; no timezone found"))
            if isinstance(given, Exception):
                raise given
            return given

        def get_history_metadata(self):
            return module.metadata

    module = SimpleNamespace(
        Ticker=Ticker,
        bars=bars,
        asked=asked,
        metadata={"exchangeTimezoneName": ZONE},
        config=SimpleNamespace(debug=SimpleNamespace(hide_exceptions=True)),
        exceptions=SimpleNamespace(YFException=YFException, YFRateLimitError=YFRateLimitError),
        set_tz_cache_location=lambda folder: asked.append(folder),
    )
    monkeypatch.setitem(sys.modules, "yfinance", module)
    monkeypatch.setattr("market.sources.retries._FIRST_WAIT", 0.001)
    return module


def test_bars_are_a_long_table_with_adjusted_and_traded_prices(yfinance, tmp_path):
    fetch = FetchSettings(cache=tmp_path / "sources")
    panel, _ = load_panel("prices", path=YahooPrices(("SPY", "TLT")), fetch=fetch)
    assert panel.assets == ("SPY", "TLT")
    assert panel.dates.equals(pd.DatetimeIndex(DAYS[1:]).as_unit(panel.dates.unit))
    expected = make_bars(1)["Adj Close"].pct_change().to_numpy()[1:]
    np.testing.assert_allclose(panel.returns[:, 0], expected, rtol=1e-12)
    assert panel.volume is not None
    assert set(panel.bars) == {"open", "high", "low", "close"}
    folder, (name, options), _ = yfinance.asked
    assert folder == str(tmp_path / "sources" / "yfinance")
    assert (name, options["period"], options["auto_adjust"]) == ("SPY", "max", False)
    assert yfinance.config.debug.hide_exceptions


def test_the_bar_of_a_running_session_is_left_out(yfinance):
    today = pd.Timestamp.now(ZONE).normalize().tz_localize(None)
    days = pd.bdate_range(end=today, periods=5).append(pd.DatetimeIndex([today])).unique()
    yfinance.bars["SPY"] = make_bars(days=days)
    for end, n in (
        (pd.Timestamp.now("UTC") + pd.Timedelta(minutes=5), len(days) - 1),
        (pd.Timestamp("2020-01-01", tz="UTC"), len(days)),
    ):
        yfinance.metadata["currentTradingPeriod"] = {"regular": {"end": int(end.timestamp())}}
        if end.tz_convert(ZONE).date() > today.date():
            continue  # just before midnight
        assert fetch_yahoo(YahooPrices(("SPY",)), FetchSettings()).num_rows == n


def test_what_yahoo_does_not_give_is_named(yfinance):
    with pytest.raises(SourceError, match=r"Yahoo SPY, NONE: \$NONE: possibly delisted"):
        fetch_yahoo(YahooPrices(("SPY", "NONE")), FetchSettings())
    yfinance.bars["SPY"] = YFRateLimitError("Too Many Requests")
    with pytest.raises(UnreachableError, match=r"Yahoo limits the number of requests.*\(tried 2 times\)"):
        fetch_yahoo(YahooPrices(("SPY",)), FetchSettings(attempts=2))
    yfinance.bars["SPY"] = make_bars().iloc[:0]
    with pytest.raises(SourceError, match="Yahoo has no prices of 'SPY'"):
        fetch_yahoo(YahooPrices(("SPY",)), FetchSettings())
    with pytest.raises(SourceError, match="the answer has no columns 'Adj Close'"):
        convert_bars(make_bars().drop(columns="Adj Close"), "SPY", "Yahoo SPY")


def test_without_yfinance_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(SourceError, match=r"pip install 'tangency\[yfinance\]'"):
        fetch_yahoo(YahooPrices(("SPY",)), FetchSettings())


def make_chart(bars):
    """An answer of /v8/finance/chart in the form of Yahoo."""
    stamps = [int((day + pd.Timedelta(hours=9.5)).timestamp()) for day in bars.index]
    end = int(pd.Timestamp("2024-06-03 16:00", tz=ZONE).timestamp())
    period = {"timezone": "EDT", "start": end - 23400, "end": end, "gmtoffset": -14400}
    meta = {
        "currency": "USD",
        "symbol": "SPY",
        "exchangeName": "PCX",
        "fullExchangeName": "NYSEArca",
        "instrumentType": "ETF",
        "firstTradeDate": 728317800,
        "regularMarketTime": end,
        "gmtoffset": -14400,
        "timezone": "EDT",
        "exchangeTimezoneName": ZONE,
        "regularMarketPrice": float(bars["Close"].iloc[-1]),
        "chartPreviousClose": 100.0,
        "priceHint": 2,
        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"],
    }
    quote = {name.lower(): bars[name].tolist() for name in ("Open", "High", "Low", "Close", "Volume")}
    indicators = {"quote": [quote], "adjclose": [{"adjclose": bars["Adj Close"].tolist()}]}
    return {
        "chart": {"result": [{"meta": meta, "timestamp": stamps, "indicators": indicators}], "error": None}
    }


def test_yfinance_itself_reads_the_answers_of_a_server(server, monkeypatch, tmp_path):
    yf = pytest.importorskip("yfinance")
    bars = make_bars(3)
    for module in ("yfinance.scrapers.history", "yfinance.scrapers.quote", "yfinance.base", "yfinance.const"):
        if hasattr(sys.modules.get(module), "_BASE_URL_"):
            monkeypatch.setattr(f"{module}._BASE_URL_", server.url)
    monkeypatch.setattr("yfinance.data.YfData._get_cookie_and_crumb", lambda *_, **__: ("crumb", "basic"))
    unknown = {
        "chart": {
            "result": None,
            "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
        }
    }

    def plan(asked):
        content = make_chart(bars) if asked.path.endswith("/SPY") else unknown
        return Planned(json.dumps(content).encode(), headers={"Content-Type": "application/json"})

    server.plan = plan
    settings = FetchSettings(cache=tmp_path, attempts=1, timeout_seconds=5)
    table = fetch_yahoo(YahooPrices(("SPY",), dt.date(2024, 1, 1)), settings).to_pandas()
    np.testing.assert_allclose(table["adj_close"], bars["Adj Close"], rtol=1e-12)
    np.testing.assert_allclose(table["volume"], bars["Volume"])
    assert list(table["date"]) == [day.date() for day in DAYS]
    with pytest.raises(SourceError, match="Yahoo NONE"):
        fetch_yahoo(YahooPrices(("NONE",), dt.date(2024, 1, 1)), settings)
    assert yf.__version__
