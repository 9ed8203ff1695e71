"""What a feature is: an annotated function whose name is a column and whose parameters are its inputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Kernel = Callable[..., Floats]
Stage = Literal["asset", "market", "macro", "cross_section"]
F = TypeVar("F", bound=Kernel)

STAGES: tuple[Stage, ...] = get_args(Stage)
INPUTS = {
    "returns": "(T, N) simple total returns, NaN where an asset is not listed",
    "log_returns": "(T, N) log of 1 + returns; a total loss counts as a loss of all but a millionth",
    "excess": "(T, N) returns less cash",
    "level": "(T, N) total return index, 1 before the first return, NaN where not listed",
    "market": "(T,) simple total return of the market",
    "cash": "(T,) simple return of cash",
    "volume": "(T, N) units traded; only if the panel has them",
    "month": "int, observations in a month (1 monthly, 21 daily)",
}
"""What any feature can ask for by name, beside other features and the panel's macro series (T,)."""


class FeatureError(Exception):
    """A feature is defined or asked for in a way that cannot work."""


@dataclass(frozen=True)
class FeatureSpec:
    """One feature.

    Attributes
    ----------
    name : str
        Name of the function and of the column.
    stage : str
        One of `STAGES`.
    lookback : int
        Months of history that the function needs beyond what its inputs need.
    unit : str
        Unit of the values, for the dictionary.
    inputs : tuple of str
        Parameter names: members of `INPUTS`, macro series, or other features.
    definition : str
        First paragraph of the docstring.
    kernel : callable
        Takes the inputs, returns an array (T, N), or (T,) when it is common to all assets.
    """

    name: str
    stage: Stage
    lookback: int
    unit: str
    inputs: tuple[str, ...]
    definition: str
    kernel: Kernel


_CATALOGUE: dict[str, FeatureSpec] = {}


def feature(*, stage: Stage, lookback: int = 0, unit: str) -> Callable[[F], F]:
    """Register a function as a feature.

    The function gets arrays whose rows are dates, oldest first, and must return an array with the same number
    of rows in which row t depends on rows up to t alone. It must not fit anything.

    It is called for some of the assets or some of the dates at a time. A feature of stage asset sees one asset,
    whoever else is in the array; where an example shows that it sees others, it gets all assets at once, which
    is right, and slower. A feature of stage cross_section without a lookback sees one date. Where dates are
    appended, it gets as much of the past as its lookback says: where that is too little for it to give the last
    known date again, it is computed from the first date on, which is right, and slower.

    Parameters
    ----------
    stage : {"asset", "market", "macro", "cross_section"}
    lookback : int
        Months of history needed beyond what the inputs need, 0 for a function of one date or a recursion: the
        column is warm after them.
    unit : str

    Raises
    ------
    FeatureError
        If the stage is unknown, the lookback is negative, the docstring is missing, the name is taken, or the
        parameters do not name inputs.
    """

    def register(function: F) -> F:
        name = function.__name__
        definition = inspect.getdoc(function)
        if stage not in STAGES:
            raise FeatureError(f"feature {name!r}: stage {stage!r} is not one of {', '.join(STAGES)}")
        if not isinstance(lookback, int) or lookback < 0:
            raise FeatureError(f"feature {name!r}: lookback is {lookback!r}, expected 0 or more whole months")
        if not definition:
            raise FeatureError(f"feature {name!r}: its docstring is its definition, and is missing")
        if name in INPUTS:
            raise FeatureError(f"feature {name!r}: the name belongs to an input")
        known = _CATALOGUE.get(name)
        if known is not None and known.kernel.__module__ != function.__module__:
            raise FeatureError(
                f"feature {name!r} is defined in {known.kernel.__module__} and in {function.__module__}"
            )
        inputs = _inputs(name, function)
        summary = " ".join(definition.split("\n\n")[0].split())
        _CATALOGUE[name] = FeatureSpec(name, stage, lookback, unit, inputs, summary, function)
        return function

    return register


def _inputs(name: str, function: Kernel) -> tuple[str, ...]:
    """Return the parameter names, which must be what `kernel(**inputs)` can fill."""
    parameters = inspect.signature(function).parameters.values()
    wrong = [p.name for p in parameters if p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if wrong or not parameters:
        raise FeatureError(
            f"feature {name!r}: its parameters are its inputs; expected at least one name and no *, ** or /, "
            f"got ({', '.join(p.name for p in parameters)})"
        )
    return tuple(p.name for p in parameters)


def registered() -> dict[str, FeatureSpec]:
    """Return the features registered so far, by name."""
    return dict(_CATALOGUE)
