"""Output of forecasts and plans: tables for the terminal, CSV and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from foundation.json_text import to_json
from operations.champion.forecasting import Plan, Situation
from pipeline.files import write_whole


def describe_forecast(found: Situation) -> dict[str, Any]:
    """Return the metadata of every output: the model, its data and the date."""
    prepared, champion = found.prepared, found.champion
    return {
        "config": prepared.config.name,
        "as_of": f"{found.date:%Y-%m-%d}",
        "champion": champion.run,
        "champion_since": found.since.isoformat(timespec="seconds"),
        "trained_to": f"{champion.trained_to:%Y-%m-%d}",
        "data_hash": prepared.panel.digest(),
        "horizon": prepared.config.target.horizon,
    }


def regime(found: Situation) -> dict[str, Any]:
    """Return the regime at the date of the forecasts."""
    regimes = found.regimes
    return {
        "label": int(regimes.label[found.row]),
        "probabilities": regimes.probabilities[found.row].tolist(),
        "anomaly": float(regimes.anomaly[found.row]),
    }


def plan_table(found: Situation, plan: Plan) -> pd.DataFrame:
    """Return held, target, trade and cost, fractions of wealth: one row per asset held before or after, and cash."""
    target = plan.weights
    table = pd.DataFrame(
        {
            "asset": found.prepared.panel.assets,
            "held": plan.held,
            "target": target.weights,
            "trade": target.weights - plan.held,
            "cost": plan.by_asset,
        }
    )
    table = table[(table["held"] != 0) | (table["target"] != 0)]
    held, cash_target = 1.0 - float(plan.held.sum()), target.cash
    cash = pd.DataFrame(
        [{"asset": "cash", "held": held, "target": cash_target, "trade": cash_target - held, "cost": 0.0}]
    )
    table = table.iloc[np.argsort(-table["target"].to_numpy(), kind="stable")]
    return pd.concat([table, cash], ignore_index=True)


def make_table(table: pd.DataFrame, *, percent: tuple[str, ...]) -> Table:
    """Return a table for the terminal; the columns in `percent` are fractions, shown as percentages."""
    out = Table(box=None, pad_edge=False)
    for name in table.columns:
        out.add_column(
            f"{name} %" if name in percent else name, justify="left" if name == "asset" else "right"
        )
    for row in table.itertuples(index=False):
        cells = dict(zip(table.columns, row, strict=True))
        out.add_row(*(_cell(value, percent=name in percent) for name, value in cells.items()))
    return out


def _cell(value: Any, *, percent: bool) -> str:
    if isinstance(value, str):
        return value
    if not np.isfinite(value):
        return "–"
    return f"{100 * value:.3f}" if percent else f"{value:.4f}"


def write_answer(path: Path, table: pd.DataFrame, content: dict[str, Any]) -> None:
    """Write the table as CSV, or the whole content as JSON if the file name ends in .json."""
    text = to_json(content) if path.suffix == ".json" else table.to_csv(index=False, lineterminator="\n")
    write_whole(path, text.encode())
