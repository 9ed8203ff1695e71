"""Panels with what real files hold and features stumble over: zeros, constants, gaps, and extreme units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from synthetic import make_panel

from foundation.types import Floats
from market.counterfactual import random_bars
from market.panel import BARS, Panel
from market.values.returns import simple_returns

MONTHLY_DATES, DAILY_DATES = 130, 280


def base(kind: str = "monthly", n_dates: int = 0, n_assets: int = 5, seed: int = 21) -> Panel:
    """Return a panel with late listings, deaths and holes, whose returns are those of its closes."""
    n_dates = n_dates or {"monthly": MONTHLY_DATES, "daily": DAILY_DATES}[kind]
    return with_closes(make_panel(kind, n_dates, n_assets, seed=seed))


def with_closes(panel: Panel, close: Floats | None = None) -> Panel:
    """Return the panel with the returns of other closes, and random bars around them."""
    close = panel.close if close is None else close
    bars = random_bars(np.random.default_rng(3), close)
    volume = np.where(np.isfinite(close), 1.0, np.nan) * np.nan_to_num(panel.volume, nan=1000.0)
    return replace(panel, returns=simple_returns(close), volume=volume, **bars)


def with_volume(panel: Panel, change: Callable[[Floats], None]) -> Panel:
    """Return the panel with volumes that a function has changed in place."""
    volume = panel.volume.copy()
    change(volume)
    return replace(panel, volume=volume)


def one_zero_volume(volume: Floats) -> None:
    volume[60, 0] = 0.0


def runs_of_zero_volume(volume: Floats) -> None:
    for row, asset, rows in ((0, 0, 3), (50, 1, 4), (70, 0, 12), (len(volume) - 2, 2, 2)):
        volume[row : row + rows, asset] = 0.0


def no_volume_in_one_asset(volume: Floats) -> None:
    volume[:, 0] = 0.0


def no_volume_at_all(volume: Floats) -> None:
    volume[:] = 0.0


def constant_volume(volume: Floats) -> None:
    volume[np.isfinite(volume)] = 700.0


def two_volumes_zero_and_not(volume: Floats) -> None:
    volume[::3] = 0.0
    volume[1::3] = volume[2::3] = 300.0


def gaps_in_volume(volume: Floats) -> None:
    volume[:4, 0] = volume[40:52, 1] = volume[-3:, 2] = volume[::4, 3] = np.nan


def constant_prices(panel: Panel, assets: slice, price: float = 0.1) -> Panel:
    close = panel.close.copy()
    close[:, assets] = np.where(np.isfinite(close[:, assets]), price, np.nan)
    return with_closes(panel, close)


def flat_bars(panel: Panel) -> Panel:
    """Open, high, low and mean are the close; some are one rounding away, as scaled bars are."""
    row = np.arange(len(panel.dates))[:, None] % 3 == 0
    bars = {name: panel.close.copy() for name in BARS}
    bars["high"] = bars["low"] = np.where(row, np.nextafter(panel.close, 0.0), panel.close)
    return replace(panel, **bars)


def still(panel: Panel) -> Panel:
    """Nothing moves: prices, volumes, cash and market."""
    panel = constant_prices(panel, slice(None))
    nothing = np.zeros(len(panel.dates))
    panel = replace(flat_bars(panel), cash=nothing, market=nothing)
    return with_volume(replace(panel, high=panel.close, low=panel.close), constant_volume)


def gaps_in_returns(panel: Panel) -> Panel:
    close = panel.close.copy()
    close[:3, 0] = close[45:58, 0] = close[-4:, 1] = close[::2, 2] = np.nan
    return with_closes(panel, close)


def gaps_in_bars(panel: Panel) -> Panel:
    """Single prices are missing where the asset has a return."""
    bars = {name: prices.copy() for name, prices in panel.bars.items()}
    for name, asset in zip(BARS, range(5), strict=True):
        bars[name][[0, 55, 56, 57, 80, -1], asset % len(panel.assets)] = np.nan
    bars["close"][60:75, 0] = np.nan
    return replace(panel, **bars)


def scaled(panel: Panel, prices: float, volume: float) -> Panel:
    """Return the panel with all prices and volumes in another unit; returns stay."""
    bars = {name: values * prices for name, values in panel.bars.items()}
    return replace(panel, volume=panel.volume * volume, **bars)


def steady(panel: Panel) -> Panel:
    """Prices grow by the same share at each step, volumes with them."""
    close = np.where(np.isfinite(panel.close), 1.01 ** np.arange(len(panel.dates))[:, None], np.nan)
    return replace(with_closes(panel, close), volume=close * 1000.0)


def coarse(panel: Panel) -> Panel:
    """Few different prices and volumes: ties everywhere."""
    close = np.maximum(np.round(panel.close / 20.0) * 20.0, 20.0)
    return replace(with_closes(panel, close), volume=np.round(panel.volume / 1e5) * 1e5)


def crash(panel: Panel) -> Panel:
    """One asset loses all but a trillionth and comes back, another everything."""
    close = panel.close.copy()
    close[50:70, 0] *= 1e-12
    returns = simple_returns(close)
    returns[60, 1] = -1.0
    returns[61:, 1] = np.nan
    return replace(with_closes(panel, close), returns=returns)


def hostile_panels() -> dict[str, Panel]:
    """Return panels by the name of what is difficult in them."""
    panel = base()
    changes = (
        one_zero_volume,
        runs_of_zero_volume,
        no_volume_in_one_asset,
        no_volume_at_all,
        constant_volume,
        two_volumes_zero_and_not,
        gaps_in_volume,
    )
    panels = {change.__name__: with_volume(panel, change) for change in changes}
    panels |= {
        "usual": panel,
        "daily": with_volume(base("daily"), runs_of_zero_volume),
        "one_constant_price": constant_prices(panel, slice(0, 2)),
        "constant_prices": constant_prices(panel, slice(None)),
        "constant_prices_without_volume": with_volume(
            constant_prices(panel, slice(None)), no_volume_in_one_asset
        ),
        "flat_bars": flat_bars(panel),
        "still": still(panel),
        "gaps_in_returns": gaps_in_returns(panel),
        "gaps_in_bars": gaps_in_bars(panel),
        "steady": steady(panel),
        "coarse": coarse(panel),
        "crash": crash(panel),
        "one_asset": with_volume(base(n_assets=1), one_zero_volume),
        "one_date": base(n_dates=1),
        "two_dates": base(n_dates=2),
        "tiny_prices": scaled(with_volume(panel, runs_of_zero_volume), 1e-9, 1.0),
        "huge_prices": scaled(with_volume(panel, runs_of_zero_volume), 1e7, 1.0),
        "tiny_volumes": scaled(with_volume(panel, runs_of_zero_volume), 1.0, 1e-8),
        "huge_volumes": scaled(with_volume(panel, runs_of_zero_volume), 1.0, 1e10),
        "tiny_constant_prices": scaled(flat_bars(constant_prices(panel, slice(0, 2))), 1e-9, 1.0),
        "huge_constant_prices": scaled(flat_bars(constant_prices(panel, slice(0, 2))), 1e7, 1.0),
    }
    return panels
