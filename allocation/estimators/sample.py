"""Sample: the data that an estimator is fitted to, in the order and with the labels of its table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocation.asset_names import Labelled, align_values
from allocation.covariance_types import FactorCovariance, Risk
from allocation.estimators.mean_shrinkage import shrink_mean
from foundation.types import Floats

Means = Labelled | Callable[[Floats], Floats] | None
"""Expected returns: given by asset, a function of the returns (T, N), or None for shrunk history."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Data of a fit: the returns of X, and nothing after them.

    Attributes
    ----------
    returns : ndarray of shape (T, N)
        Finite.
    assets : tuple of str, length N
    labels : pandas Index, optional
        The columns of X, where X is a DataFrame.
    """

    returns: Floats
    assets: tuple[str, ...]
    labels: pd.Index[Any] | None

    @property
    def position(self) -> int:
        """The row of the decision: the last one."""
        return len(self.returns) - 1

    @property
    def everything(self) -> NDArray[np.bool_]:
        """The universe of all assets."""
        return np.ones(len(self.assets), dtype=bool)

    def held(self, previous: Labelled | None) -> Floats:
        """Return the weights before the trade; nothing is held where none are given."""
        if previous is None:
            return np.zeros(len(self.assets))
        return align_values("previous_weights", previous, self.assets, fill=0.0)

    def means(self, mu: Means, sigma: Risk, shrinkage: float | None) -> Floats:
        """Return the expected returns of one period."""
        if mu is None:
            return shrink_mean(self.returns, sigma, shrinkage)
        if callable(mu):
            mu = mu(self.returns)
        return align_values("mu", mu, self.assets)

    def series(self, values: Floats) -> pd.Series | Floats:
        """Return one number per asset, labelled where X was."""
        return values if self.labels is None else pd.Series(values, index=self.labels)

    def matrix(self, sigma: Risk) -> pd.DataFrame | Risk:
        """Return a covariance, labelled where X was; factors have no labels and keep the order of X."""
        if self.labels is None or isinstance(sigma, FactorCovariance):
            return sigma
        return pd.DataFrame(sigma, index=self.labels, columns=self.labels)
