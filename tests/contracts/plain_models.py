"""Models of the tests that other processes must be able to import."""

import os

import numpy as np

from models.base import Forecaster
from models.errors import TrainingError


class Means(Forecaster):
    """Plain Python: the mean target of each asset's rows, and where it was computed."""

    def fit(self, X, y, rows=None):
        # Writable like in the caller's process, and nobody else sees the change.
        X += 0.0
        sums = {}
        for value, asset in zip(y.tolist(), rows.asset.tolist(), strict=True):
            total, count = sums.get(asset, (0.0, 0))
            sums[asset] = (total + value, count + 1)
        self.means_ = {asset: total / count for asset, (total, count) in sums.items()}
        return self

    def predict(self, X, rows=None):
        return np.array([self.means_.get(asset, 0.0) for asset in rows.asset.tolist()])

    def chosen(self):
        return {"process": float(os.getpid())}


class Picky(Means):
    """Refuses to be fitted to many rows."""

    def fit(self, X, y, rows=None):
        if len(y) > 120:
            raise TrainingError(f"{len(y)} rows are too many")
        return super().fit(X, y, rows)


class Dying(Means):
    """Ends its process."""

    def fit(self, X, y, rows=None):
        os._exit(1)


class TwoPartError(Exception):
    """Cannot be made again from what it hands to `Exception`, like many errors that people write."""

    def __init__(self, what, rows):
        super().__init__(f"{what}: {rows} rows")


class Particular(Means):
    """Refuses with an error of its author's."""

    def fit(self, X, y, rows=None):
        raise TwoPartError("not today", len(y))
