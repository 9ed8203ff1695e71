"""A user with prices of their own: a CSV file and a configuration for it."""

from pathlib import Path

import numpy as np
import pandas as pd
from synthetic import make_panel


def write_prices(path: Path, **options):
    """Write the prices of a synthetic panel as a wide CSV file, and return the panel."""
    panel = make_panel("monthly", macro=False, **options)
    first = panel.dates[0] - pd.offsets.MonthEnd(1)
    listed = panel.listed
    levels = 100 * np.cumprod(np.where(listed, 1 + panel.returns, 1.0), axis=0)
    table = pd.DataFrame(np.where(listed, levels, np.nan), index=panel.dates, columns=list(panel.assets))
    start = pd.DataFrame(np.where(listed[0], 100.0, np.nan)[None], index=[first], columns=table.columns)
    pd.concat([start, table]).rename_axis("date").to_csv(path)
    return panel


def settings(folder: Path, n_dates: int, **changes):
    """Return a small complete configuration for `folder`/prices.csv."""
    dates = pd.date_range("1990-01-31", periods=n_dates, freq="ME")
    content = {
        "name": "mine",
        "data": {"source": "prices", "path": str(folder / "prices.csv")},
        "features": {"include": ["asset", "market", "cross_section"]},
        "target": {"horizon": 1, "execution_lag": 0, "relative": True, "risk_window": 24},
        "walk_forward": {"first_test": str(dates[90].date()), "refit_every": 12},
        "regimes": {"states": 2, "min_train": 60},
        "models": {
            "zero": {"kind": "zero"},
            "mean": {"kind": "mean"},
            "ridge": {"kind": "ridge", "n_penalties": 12, "inner_splits": 2},
            "lightgbm": {"kind": "lightgbm", "max_trees": 20, "min_rows_in_leaf": 50},
            "combination": {"kind": "combination", "members": ["ridge", "lightgbm"]},
        },
        "allocation": {
            "forecast": "combination",
            "rebalance_every": 1,
            "covariance_window": 60,
            "min_history": 24,
            "maximum": 0.5,
        },
        "cost_rate": 0.001,
        "evaluation": {"start": str(dates[110].date())},
        "output": str(folder / "runs"),
    }
    for key, value in changes.items():
        *path, last = key.split("__")
        section = content
        for part in path:
            section = section[part]
        section[last] = value
    return content
