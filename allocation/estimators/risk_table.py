"""Risk tables: a covariance, or returns to estimate one from, in the order of the assets."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocation.asset_names import (
    check_finite,
    check_names,
    parse_names,
)
from allocation.covariance.choices import CovarianceChoice, estimate_covariance
from allocation.covariance_types import FactorCovariance, Risk, spread_covariance
from allocation.errors import DataError
from foundation.types import Floats


def read_risk(
    sigma: pd.DataFrame | FactorCovariance,
    assets: tuple[str, ...],
    inside: NDArray[np.bool_],
    covariance: CovarianceChoice,
) -> Risk:
    """Return the covariance in the order of the assets, estimated if it is returns that are given."""
    if isinstance(sigma, FactorCovariance):
        if len(sigma) != len(assets):
            raise DataError(f"sigma: factors of {len(sigma)} assets for the {len(assets)} of mu")
        return sigma
    if not isinstance(sigma, pd.DataFrame):
        raise DataError(
            f"sigma: expected a DataFrame with the assets as columns, or a FactorCovariance, got {type(sigma).__name__}"
        )
    names = parse_names("sigma", sigma.columns)
    check_names("sigma", names, assets)
    values = sigma.to_numpy(dtype=np.float64, na_value=np.nan)
    across = [names.index(asset) for asset in assets]
    rows = tuple(map(str, sigma.index))
    if set(rows) & set(assets):
        parse_names("the rows of sigma", rows)
        check_names("the rows of sigma", rows, assets)
        return np.asarray(values[np.ix_([rows.index(asset) for asset in assets], across)])
    if values.shape[0] == values.shape[1] and np.array_equal(values, values.T):
        raise DataError(
            "sigma: a covariance needs the assets on both axes; its rows are not labelled by them"
        )
    return _estimated(values[:, across], assets, inside, covariance, sigma.index)


def _estimated(
    returns: Floats,
    assets: tuple[str, ...],
    inside: NDArray[np.bool_],
    covariance: CovarianceChoice,
    index: pd.Index,
) -> Risk:
    """Return the covariance of the assets inside, from their returns; NaN outside."""
    chosen = tuple(asset for asset, kept in zip(assets, inside.tolist(), strict=True) if kept)
    check_finite("sigma", returns[:, inside], chosen, lambda row: index[row])
    if len(returns) < 2:
        raise DataError(
            f"sigma: {len(returns)} row of returns says nothing about risk, at least 2 are needed"
        )
    estimate = estimate_covariance(covariance, returns[:, inside])
    return estimate if inside.all() else spread_covariance(estimate, inside)
