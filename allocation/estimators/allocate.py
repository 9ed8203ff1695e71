"""From a forecast to weights in one line, by the names of the assets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocation.asset_names import (
    Labelled,
    align_rate,
    align_values,
    check_names,
    parse_names,
)
from allocation.covariance.choices import CovarianceChoice
from allocation.covariance_types import FactorCovariance
from allocation.errors import DataError
from allocation.estimators.risk_table import read_risk
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.weights import Weights
from foundation.types import Floats


class _SolverOptions(TypedDict, total=False):
    """Options of `MeanVariance`."""

    risk_aversion: float
    cost: float | Labelled
    impact: float | Labelled
    uncertainty: float


def allocate(
    mu: pd.Series,
    sigma: pd.DataFrame | FactorCovariance,
    held: Labelled | None = None,
    constraints: Constraints | None = None,
    *,
    error: Labelled | None = None,
    universe: Collection[str] | None = None,
    covariance: CovarianceChoice = "ledoit_wolf",
    **options: Unpack[_SolverOptions],
) -> pd.Series:
    """Return the best weights for a forecast (`MeanVariance`).

    Everything with labels is put in the order of `mu` by label. Names that do not fit are an error.

    Parameters
    ----------
    mu : Series of length N
        Expected excess return of each asset over one horizon. Its index is the list of assets.
    sigma : DataFrame of shape (N, N), FactorCovariance, or DataFrame of returns of shape (T, N)
        A table with the assets on both axes is a covariance over the same horizon; any other is one of returns of that
        horizon, from which `covariance` estimates. Factors have no labels: they are in the order of `mu`.
    held : Series, mapping or array-like, optional
        Weights before the trade; an asset that is not named is not held. None is all cash.
    constraints : Constraints, optional
        Without it the portfolio is long and fully invested.
    error : Series, mapping or array-like, optional
        Standard errors of `mu`, for `uncertainty`.
    universe : collection of str, optional
        Assets that may be held; others are sold, and their `mu` and `sigma` are not read. None is all of them.
    covariance : str, callable or object
        How returns become a covariance, as of `MeanVariancePortfolio`.
    **options
        As of `MeanVariance`: risk_aversion (5 by default), cost, impact, uncertainty. Costs may be given by asset.

    Returns
    -------
    Series of length N
        Weights, with the index of `mu`. `attrs` has, in plain types so that they survive a Parquet file: `status`
        (the label of a `DecisionStatus`: "solved" or "relaxed"), `note` (which limit gave way, or ""), `cash`, `gap`
        (how much better the best weights can be) and `residual` (of the KKT conditions), both as in
        `OptimalityCertificate`, `slack` (by limit) and `tolerance` (slack of at least minus this is a limit kept).

    Raises
    ------
    DataError
        If names do not fit, or numbers are missing.
    AllocationError
        If there are no such weights.
    TypeError
        If an option does not exist.

    Examples
    --------
    >>> import pandas as pd
    >>> mu = pd.Series({"stocks": 0.05, "bonds": 0.02})
    >>> sigma = pd.DataFrame([[0.04, 0.0], [0.0, 0.01]], index=mu.index, columns=mu.index)
    >>> weights = allocate(mu, sigma, risk_aversion=2.0)
    >>> weights.round(3).to_dict(), weights.attrs["status"]
    ({'stocks': 0.5, 'bonds': 0.5}, 'solved')
    """
    if not isinstance(mu, pd.Series):
        raise DataError(f"mu: expected a Series by asset, got {type(mu).__name__}")
    _check_options(options)
    assets = parse_names("mu", mu.index)
    inside = _inside(universe, assets)
    means = mu.to_numpy(dtype=np.float64, na_value=np.nan)
    _check_means(means, assets, inside)
    solver = MeanVariance(
        assets,
        constraints or Constraints(),
        risk_aversion=options.get("risk_aversion", 5.0),
        cost=align_rate("cost", options.get("cost", 0.0), assets),
        impact=align_rate("impact", options.get("impact", 0.0), assets),
        uncertainty=options.get("uncertainty", 0.0),
    )
    before = np.zeros(len(assets)) if held is None else align_values("held", held, assets, fill=0.0)
    errors = None if error is None else align_values("error", error, assets)
    solution = solver.solve(
        0, means, read_risk(sigma, assets, inside, covariance), before, inside, error=errors
    )
    return _series(solution, mu.index)


def _check_options(options: Mapping[str, object]) -> None:
    """Refuse options that do not exist; say where limits go."""
    known = tuple(_SolverOptions.__annotations__)
    unknown = [name for name in options if name not in known]
    limits = [name for name in unknown if name in {field.name for field in fields(Constraints)}]
    if limits:
        words = ", ".join(f"{name}=..." for name in limits)
        raise TypeError(f"allocate: limits go into one value, write constraints=Constraints({words})")
    if unknown:
        raise TypeError(
            f"allocate has no option {', '.join(map(repr, unknown))}; options are {', '.join(known)}"
        )


def _inside(universe: Collection[str] | None, assets: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which assets may be held."""
    if universe is None:
        return np.ones(len(assets), dtype=bool)
    if isinstance(universe, str | pd.Series | Mapping):
        raise DataError(f"universe: expected a collection of names, got {type(universe).__name__}")
    names = parse_names("universe", universe)
    check_names("universe", names, assets, complete=False)
    return np.isin(np.array(assets), np.array(names))


def _check_means(means: Floats, assets: tuple[str, ...], inside: NDArray[np.bool_]) -> None:
    """Refuse a forecast with holes."""
    bad = np.flatnonzero(~np.isfinite(means) & inside)
    if len(bad):
        raise DataError(
            f"mu: the expected return of {assets[bad[0]]!r} is {means[bad[0]]}; leave the asset out of the universe "
            "if it is not to be held"
        )


def _series(solution: Weights, index: pd.Index) -> pd.Series:
    """Return weights by label, with what is known about them."""
    weights = pd.Series(solution.weights, index=index, name="weight")
    weights.attrs = {
        "status": solution.status.label,
        "note": solution.note,
        "cash": solution.cash,
        "gap": solution.certificate.gap,
        "residual": solution.certificate.residual,
        "slack": dict(solution.certificate.slack),
        "tolerance": solution.certificate.tolerance,
    }
    return weights
