"""Three small panels as files, for a search over configurations: monthly, daily with bars, and weekly returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SMALL = ("return_1", "return_6", "volatility_12", "return_1_z")
"""A few features of assets that are warm after a year."""


@dataclass(frozen=True)
class SearchPanel:
    """A file of prices or returns with a small configuration that works on it.

    Attributes
    ----------
    name : str
    assets : tuple of str
        Assets of the file; cash and market columns are not among them.
    dates : DatetimeIndex
    cash, market : str or None
        Columns of cash and of the market, where the file has them.
    base : dict
        A complete configuration; `data.path`, `output` and the path of scores lie in the folder of the files.
    """

    name: str
    assets: tuple[str, ...]
    dates: pd.DatetimeIndex
    cash: str | None
    market: str | None
    base: dict[str, Any]


def write_panel(name: str, folder: Path) -> SearchPanel:
    """Write the files of one panel into a folder, and return the panel."""
    return PANELS[name](folder)


def _prices(rng: np.random.Generator, n: int, assets: int, per_year: int) -> np.ndarray:
    """Return prices of one common factor plus noise, shape (n, assets)."""
    factor = rng.normal(0.06 / per_year, 0.15 / np.sqrt(per_year), n)
    noise = rng.normal(0, 0.12 / np.sqrt(per_year), (n, assets))
    returns = factor[:, None] * rng.uniform(0.6, 1.3, assets) + noise
    return np.asarray(80 * np.cumprod(1 + np.maximum(returns, -0.5), axis=0))


def _monthly(folder: Path) -> SearchPanel:
    """Write prices of five assets, one late and one that ends, with cash and a market."""
    rng = np.random.default_rng(1)
    dates = pd.date_range("2005-01-31", periods=144, freq="ME")
    names = ("Alpha", "Beta", "Gamma", "Delta", "Late")
    prices = _prices(rng, 144, 5, 12)
    prices[:40, 4] = np.nan
    prices[130:, 3] = np.nan
    prices[[70, 95], 1] = np.nan
    table = pd.DataFrame(prices, index=dates, columns=list(names))
    table["Index"] = 100 * np.cumprod(1 + rng.normal(0.006, 0.04, 144))
    table["Bill"] = 100 * np.cumprod(1.002 + 0.0005 * np.sin(np.arange(144) / 20))
    table.rename_axis("date").to_csv(folder / "prices.csv")
    _write_scores(folder, names, dates)
    base = _base(folder, "prices.csv", dates, first_test=84, start=96)
    base["target"] |= {"horizon": 1, "execution_lag": 0, "risk_window": 12}
    base["regimes"] |= {"min_train": 36}
    base["allocation"] |= {"rebalance_every": 1, "covariance_window": 48, "min_history": 24}
    base["data"] |= {"cash": {"column": "Bill", "values": "prices"}, "market": "Index"}
    return SearchPanel("monthly", names, dates, "Bill", "Index", base)


def _daily(folder: Path) -> SearchPanel:
    """Write bars of four assets in a long file, with zero volumes and days without trades."""
    rng = np.random.default_rng(2)
    dates = pd.bdate_range("2019-01-02", periods=640)
    names = ("ONE", "TWO", "SIX", "TEN")
    close = _prices(rng, 640, 4, 252)
    frames = []
    for j, name in enumerate(names):
        spread = np.exp(np.abs(rng.normal(0, 0.004, (640, 2))))
        opened = close[:, j] * np.exp(rng.normal(0, 0.004, 640))
        frame = pd.DataFrame(
            {
                "date": dates,
                "symbol": name,
                "open": opened,
                "high": np.maximum(opened, close[:, j]) * spread[:, 0],
                "low": np.minimum(opened, close[:, j]) / spread[:, 1],
                "close": close[:, j],
                "volume": np.round(rng.lognormal(9, 0.6, 640)),
            }
        )
        frame.loc[rng.choice(640, 3), "volume"] = 0.0
        frames.append(frame.drop(index=rng.choice(640, 4)) if j else frame)
    pd.concat(frames).to_csv(folder / "prices.csv", index=False)
    _write_scores(folder, names, dates)
    base = _base(folder, "prices.csv", dates, first_test=440, start=480)
    base["target"] |= {"horizon": 5, "execution_lag": 1, "risk_window": 40}
    base["walk_forward"] |= {"refit_every": 60}
    base["regimes"] |= {"min_train": 60}
    base["allocation"] |= {"rebalance_every": 5, "covariance_window": 120, "min_history": 60}
    return SearchPanel("daily", names, dates, None, None, base)


def _weekly(folder: Path) -> SearchPanel:
    """Write returns of six assets in a Parquet file, with cash."""
    rng = np.random.default_rng(3)
    dates = pd.date_range("2014-01-03", periods=260, freq="W-FRI")
    names = ("ab", "cd", "ef", "gh", "ij", "kl")
    prices = _prices(rng, 261, 6, 52)
    table = pd.DataFrame(prices[1:] / prices[:-1] - 1, index=dates, columns=list(names))
    table["bill"] = 0.0004
    table.rename_axis("date").reset_index().to_parquet(folder / "returns.parquet", index=False)
    _write_scores(folder, names, dates)
    base = _base(folder, "returns.parquet", dates, first_test=156, start=182)
    base["data"] |= {"values": "returns", "cash": "bill"}
    base["target"] |= {"horizon": 4, "execution_lag": 1, "risk_window": 26}
    base["walk_forward"] |= {"refit_every": 26}
    base["regimes"] |= {"min_train": 52}
    base["allocation"] |= {"rebalance_every": 4, "covariance_window": 104, "min_history": 52}
    return SearchPanel("weekly", names, dates, "bill", None, base)


def _write_scores(folder: Path, names: tuple[str, ...], dates: pd.DatetimeIndex) -> None:
    """Write yearly scores of all assets, a universe and delisting returns."""
    rng = np.random.default_rng(4)
    years = pd.date_range(dates[0] - pd.DateOffset(years=2), dates[-1], freq="YE")
    rows = [
        {"date": f"{day:%Y-%m-%d}", "asset": name, "score": float(np.round(rng.uniform(20, 90), 1))}
        for day in years
        for name in names
    ]
    pd.DataFrame(rows).to_csv(folder / "scores.csv", index=False)
    # All are members but one, which leaves for a while and comes back.
    day = [f"{dates[len(dates) * part // 10]:%Y-%m-%d}" for part in (0, 6, 8, 9)]
    members = [{"asset": name, "from": day[0], "to": ""} for name in names[1:]]
    members += [
        {"asset": names[0], "from": day[0], "to": day[1]},
        {"asset": names[0], "from": day[2], "to": ""},
    ]
    pd.DataFrame(members).to_csv(folder / "universe.csv", index=False)
    gone = pd.DataFrame({"asset": [names[3]], "date": [day[3]], "return": [-0.5]})
    gone.to_csv(folder / "gone.csv", index=False)
    months = pd.date_range(dates[0] - pd.DateOffset(years=4), dates[-1], freq="ME")
    walk = pd.DataFrame({"date": months, "activity": rng.normal(size=len(months)).cumsum().round(3)})
    walk.assign(published=months + pd.DateOffset(days=20)).to_csv(folder / "activity.csv", index=False)


def _base(folder: Path, file: str, dates: pd.DatetimeIndex, *, first_test: int, start: int) -> dict[str, Any]:
    """Return the part of a small configuration that panels have in common."""
    return {
        "name": "search",
        "data": {"source": "prices", "path": str(folder / file)},
        "features": {"include": [*SMALL, "market_volatility_12", "market_return_12"], "exclude": []},
        "target": {"relative": True},
        "walk_forward": {"first_test": str(dates[first_test].date()), "refit_every": 12},
        "regimes": {"states": 2, "features": ["market_volatility_12", "market_return_12"]},
        "models": {"ridge": {"kind": "ridge", "n_penalties": 6}},
        "allocation": {"forecast": "ridge", "maximum": 0.6},
        "cost_rate": 0.001,
        "evaluation": {"start": str(dates[start].date())},
        "audit": {"cuts": 1},
        "output": str(folder / "runs"),
    }


PANELS: dict[str, Callable[[Path], SearchPanel]] = {"monthly": _monthly, "daily": _daily, "weekly": _weekly}
