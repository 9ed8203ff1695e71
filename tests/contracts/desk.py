"""A desk: a user with prices of their own, and the clock in the test's hand."""

import datetime as dt
import os
import shutil

import pandas as pd
import yaml
from own_prices import settings, write_prices
from rich.console import Console

from operations.champion.retraining import retrain
from pipeline.config import load_config
from pipeline.progress import Reporter

QUICK = {
    "features__include": ["return_1", "return_12", "volatility_12", "market", "momentum_12_1"],
    "calibration": {"prior_periods": 100},  # no slope reaches its bounds
    "models": {
        "ridge": {"kind": "ridge", "n_penalties": 12, "inner_splits": 2},
        "lightgbm": {"kind": "lightgbm", "max_trees": 10, "min_rows_in_leaf": 50},
        "few": {"kind": "univariate", "features": ["volatility_12"]},
        "combination": {"kind": "combination", "members": ["ridge", "lightgbm", "few"]},
    },
}


def quick(folder, **changes):
    """Return a configuration that trains in a second, on 150 months to 2002-06."""
    return settings(folder, 150, audit={"cuts": 1}, **{**QUICK, **changes})


def quiet():
    """Return a reporter that nobody hears, but that remembers what it told."""
    return Reporter(Console(quiet=True))


def at(date):
    """Return the evening of a date."""
    return dt.datetime.fromisoformat(f"{date}T22:00:00+00:00")


class Desk:
    """A folder with prices.csv and mine.yaml, and a way to retrain there as of a date.

    Beside another desk, it finds in its store what was computed there.
    """

    def __init__(self, folder, beside=None):
        self.folder = folder
        if beside is not None:
            shutil.copytree(beside.folder / "runs" / "store", folder / "runs" / "store")
        if not (folder / "prices.csv").exists():
            write_prices(folder / "prices.csv", n_dates=150, n_assets=8, seed=2, signal=0.4)

    def path(self, **changes):
        path, new = self.folder / "mine.yaml", self.folder / f"mine.{os.getpid()}.new"
        new.write_text(yaml.safe_dump(quick(self.folder, **changes), sort_keys=False))
        return new.replace(path)  # at once: another process may be reading the same

    def config(self, **changes):
        return load_config(self.path(**changes))

    def retrain(self, date, **changes):
        return retrain(self.config(**changes), quiet(), now=at(date))

    def prices(self):
        return pd.read_csv(self.folder / "prices.csv", index_col=0, parse_dates=True)


def silence(patch):
    """Tell MLflow nothing."""
    patch.setattr("operations.champion.retraining.tell_registry", lambda *result: None)
    patch.setattr("operations.champion.manual_promotion.tell_registry", lambda *result: None)
