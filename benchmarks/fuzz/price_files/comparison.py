"""Comparison of a panel with the true content of its file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.fuzz.price_files.drafts import Content, Reading
from foundation.types import Floats
from market.panel import Panel

TOLERANCE = 1e-9


def find_difference(panel: Panel, content: Content, reading: Reading) -> str:
    """Return the first difference between a panel and a content; "" if there is none.

    Returns of assets, market and cash, bars and volume are recomputed from the content, cell by cell.
    """
    filled = ~np.isnan(content.values).all(axis=1)
    dates, values = content.dates[filled], content.values[filled]
    if reading.market is not None and "market" not in content.extra:
        return "the market is not in the file"
    returns = _returns(values, reading.values)
    traded = np.isfinite(returns).any(axis=1)
    if not traded.any():
        return "there is no return in the file"
    first = int(np.argmax(traded))
    if reading.cash_values == "prices" and "cash" in content.extra:
        first = max(first, 1)
    ours = panel.dates.to_numpy().astype("datetime64[D]")
    if panel.assets != content.assets:
        return f"assets {panel.assets}, expected {content.assets}"
    if len(ours) != len(dates) - first or (ours != dates[first:]).any():
        return f"dates {_span(ours)}, expected {_span(dates[first:])}"
    return (
        _unequal("return", panel.returns, returns[first:], panel)
        or _find_role_difference(panel, content, reading, filled, first)
        or _find_bar_difference(panel, content, filled, first)
    )


def _find_role_difference(
    panel: Panel, content: Content, reading: Reading, filled: NDArray[np.bool_], first: int
) -> str:
    """Return a difference in the market or cash; annual rates are covered by the tests of cash."""
    kinds = {"market": reading.values, "cash": reading.cash_values}
    for role, kind in kinds.items():
        if role not in content.extra or kind.startswith("annual"):
            continue
        column = content.extra[role][:, None]
        is_price = kind == "prices"
        earned = _returns(column[filled], kind) if is_price else _compound(_returns(column, kind), filled)
        if text := _unequal(role, getattr(panel, role)[:, None], earned[first:], panel):
            return text
    return ""


def _find_bar_difference(panel: Panel, content: Content, filled: NDArray[np.bool_], first: int) -> str:
    """Return a difference in bars or volume, which are in the unit of the values."""
    unadjusted = content.extra.get("unadjusted", content.values)[filled]
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = content.values[filled] / unadjusted
    for name, column in content.extra.items():
        if name in ("cash", "market", "unadjusted"):
            continue
        got = getattr(panel, name)
        if got is None:
            return f"no {name} in the panel"
        expected = column[filled] / factor if name == "volume" else column[filled] * factor
        if text := _unequal(name, got, expected[first:], panel):
            return text
    return ""


def _returns(values: Floats, kind: str) -> Floats:
    """Return simple returns, each relative to the last present value of the column."""
    if kind != "prices":
        return values / 100.0 if kind == "percent_returns" else values
    out = np.full(values.shape, np.nan)
    for n in range(values.shape[1]):
        last = np.nan
        for t, value in enumerate(values[:, n]):
            if np.isfinite(value):
                out[t, n] = value / last - 1.0
                last = value
    return out


def _compound(returns: Floats, kept: NDArray[np.bool_]) -> Floats:
    """Return the returns of kept rows, compounded with those of the omitted rows before them."""
    out, growth = [], 1.0
    for value, keep in zip(returns[:, 0], kept, strict=True):
        growth *= 1.0 if np.isnan(value) else 1.0 + value
        if keep:
            out.append(value if np.isnan(value) else growth - 1.0)
            growth = growth if np.isnan(value) else 1.0
    return np.array(out)[:, None]


def _unequal(what: str, got: Floats, wanted: Floats, panel: Panel) -> str:
    same = np.isclose(got, wanted, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if same.all():
        return ""
    row, column = (int(k) for k in np.argwhere(~same)[0])
    asset = f" of {panel.assets[column]!r}" if got.shape[1] == len(panel.assets) else ""
    where = f"{what}{asset} at {panel.dates[row]:%Y-%m-%d}"
    return f"{where} is {got[row, column]:.10g}, expected {wanted[row, column]:.10g}"


def _span(dates: NDArray[np.datetime64]) -> str:
    return f"{dates[0]} to {dates[-1]} ({len(dates)})" if len(dates) else "none"
