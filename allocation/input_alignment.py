"""Alignment of labelled inputs to the order of the assets; labels that do not match are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocation.asset_names import align_values, check_names, parse_names
from allocation.covariance_types import FactorCovariance, Risk
from allocation.errors import DataError
from foundation.types import Floats

_PLAIN = frozenset({np.ndarray, FactorCovariance, type(None)})


class _Solver(Protocol):
    assets: tuple[str, ...]


_Solve = TypeVar("_Solve", bound=Callable[..., Any])


def align_inputs(solve: _Solve) -> _Solve:
    """Let the `solve` of an allocator take labelled numbers, matched to `self.assets` by name.

    A Series or mapping of means, weights held, standard errors or the universe, and a DataFrame of the covariance, are
    put in the order of the assets. Arrays are taken as they are.
    """

    @wraps(solve)
    def align_and_solve(
        self: _Solver, position: int, mu: Any, sigma: Any, held: Any, universe: Any, **options: Any
    ) -> Any:
        error = options.get("error")
        if not is_plain(mu, sigma, held, universe, error):
            mu, sigma, held, universe, error = align_all(self.assets, mu, sigma, held, universe, error)
            if "error" in options:
                options["error"] = error
        return solve(self, position, mu, sigma, held, universe, **options)

    return cast(_Solve, align_and_solve)


def is_plain(mu: Any, sigma: Any, held: Any, universe: Any, error: Any) -> bool:
    """Return whether inputs are arrays, factors or None; a small problem is solved in 20 microseconds."""
    return (
        type(mu) in _PLAIN
        and type(sigma) in _PLAIN
        and type(held) in _PLAIN
        and type(universe) in _PLAIN
        and type(error) in _PLAIN
    )


def align_all(
    assets: Sequence[str], mu: Any, sigma: Any, held: Any, universe: Any, error: Any
) -> tuple[Floats, Risk, Floats, NDArray[np.bool_], Floats]:
    """Return the inputs of `solve` in the order of the assets.

    Raises
    ------
    DataError
        If labels are not those of the assets.
    """
    return (
        align_vector("mu", mu, assets),
        _align_covariance("sigma", sigma, assets),
        align_vector("held", held, assets),
        _align_universe(universe, assets),
        align_vector("error", error, assets),
    )


def align_vector(what: str, numbers: Any, assets: Sequence[str]) -> Floats:
    """Return one number per asset, shape (N,), in the order of the assets; arrays and None as they are.

    Raises
    ------
    DataError
        If labels are not those of the assets, or a table is given.
    """
    if isinstance(numbers, pd.DataFrame):
        raise DataError(f"{what}: expected one number per asset, got a table of shape {numbers.shape}")
    if isinstance(numbers, pd.Series | Mapping | list | tuple):
        return align_values(what, numbers, assets)
    return cast(Floats, numbers)


def _align_covariance(what: str, sigma: Any, assets: Sequence[str]) -> Risk:
    """Return a covariance of shape (N, N) in the order of the assets; arrays and factors as they are.

    Raises
    ------
    DataError
        If a DataFrame does not have the assets on both axes.
    """
    if isinstance(sigma, pd.Series | Mapping):
        raise DataError(f"{what}: expected a covariance of shape (N, N), got a {type(sigma).__name__}")
    if not isinstance(sigma, pd.DataFrame):
        return np.asarray(sigma, dtype=np.float64) if isinstance(sigma, list | tuple) else cast(Risk, sigma)
    rows, columns = parse_names(f"the rows of {what}", sigma.index), parse_names(what, sigma.columns)
    check_names(f"the rows of {what}", rows, assets)
    check_names(what, columns, assets)
    order = {name: i for i, name in enumerate(rows)}, {name: i for i, name in enumerate(columns)}
    values = sigma.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(values[np.ix_(*([place[asset] for asset in assets] for place in order))])


def align_columns(what: str, table: Any, assets: Sequence[str]) -> Floats:
    """Return a table of shape (T, N) with its columns in the order of the assets; arrays as they are.

    Raises
    ------
    DataError
        If the columns of a DataFrame are not the assets.
    """
    if isinstance(table, pd.Series):
        raise DataError(f"{what}: expected a table with one column per asset, got a Series")
    if not isinstance(table, pd.DataFrame):
        return cast(Floats, table)
    columns = parse_names(what, table.columns)
    check_names(what, columns, assets)
    values = table.to_numpy(dtype=np.float64, na_value=np.nan)
    place = {name: i for i, name in enumerate(columns)}
    return np.ascontiguousarray(values[:, [place[asset] for asset in assets]])


def refuse_labels(what: str, numbers: Any) -> None:
    """Refuse a Series or DataFrame where the names of the assets are not known, so that none is taken by position.

    Raises
    ------
    DataError
    """
    if isinstance(numbers, pd.Series | pd.DataFrame):
        raise DataError(
            f"{what}: a {type(numbers).__name__} cannot be matched by name here; "
            f"put it in the order of the assets and pass {what}.to_numpy()"
        )


def _align_universe(universe: Any, assets: Sequence[str]) -> NDArray[np.bool_]:
    if isinstance(universe, pd.Series | Mapping | list | tuple):
        flags = align_values("universe", universe, assets)
        if not np.isin(flags, (0.0, 1.0)).all():
            raise DataError("universe: expected True or False for each asset")
        return flags.astype(bool)
    return cast(NDArray[np.bool_], universe)
