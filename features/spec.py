"""Definition of a feature: an annotated function whose name is a column and whose parameters are its inputs.

A function with windows is a family of features, one per window.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Literal, TypeVar, get_args

from foundation.types import Floats
from market.frequency import Month

_Kernel = Callable[..., Floats]
Stage = Literal["asset", "bar", "market", "macro", "cross_section"]
_F = TypeVar("_F", bound=_Kernel)

STAGES: tuple[Stage, ...] = get_args(Stage)
SEVERAL: tuple[Stage, ...] = ("market", "cross_section")
"""Stages whose functions see several assets; a function of another stage sees one asset at a time."""
INPUTS = {
    "returns": "(T, N) simple total returns, NaN where an asset is not listed",
    "log_returns": "(T, N) log of 1 + returns; a total loss counts as a loss of all but a millionth",
    "excess": "(T, N) returns less cash",
    "level": "(T, N) total return index, 1 before the first return, NaN where not listed",
    "market": "(T,) simple total return of the market",
    "cash": "(T,) simple return of cash",
    "volume": "(T, N) units traded; only if the panel has them",
    "open": "(T, N) first price of the step, in the unit of the adjusted close; only if the panel has bars",
    "high": "(T, N) highest price of the step; only if the panel has bars",
    "low": "(T, N) lowest price of the step; only if the panel has bars",
    "close": "(T, N) last price of the step; only if the panel has bars",
    "vwap": "(T, N) volume-weighted mean price of the step; only if the panel has it",
    "month": "observations in a month (1 monthly, 21 daily): an integer, which quarterly panels do not have",
}
"""Inputs of any feature by name, beside other features and the panel's macro series (T,)."""


class FeatureError(Exception):
    """The definition or the use of a feature is wrong."""


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
    rows : int
        Rows of history that the function needs beyond what its inputs need, for windows that do not scale with
        the panel's frequency.
    reach : int, optional
        Months that the function looks back into any input. By default it may look further into inputs that need
        less history than others, by the difference.
    calendar : bool
        Whether the function needs twelve of a panel's months to be a year, because it looks for a calendar month.
    quarters : bool
        Whether all windows are whole quarters, so that a panel of quarters can give the feature.
    """

    name: str
    stage: Stage
    lookback: int
    unit: str
    inputs: tuple[str, ...]
    definition: str
    kernel: _Kernel
    rows: int = 0
    reach: int | None = None
    calendar: bool = False
    quarters: bool = False

    @property
    def sees_several(self) -> bool:
        """Whether the stage declares that the values of an asset depend on other assets."""
        return self.stage in SEVERAL

    def history(self, month: Month) -> int:
        """Return the rows that the function needs beyond what its inputs need, given the rows of a month."""
        return self.lookback * month + self.rows


_CATALOGUE: dict[str, FeatureSpec] = {}


def feature(
    *,
    stage: Stage,
    lookback: int = 0,
    rows: int = 0,
    reach: int | None = None,
    windows: Sequence[int] = (),
    calendar: bool = False,
    quarters: bool = False,
    unit: str,
) -> Callable[[_F], _F]:
    """Register a function as a feature, or as a family of features with one window each.

    The function takes arrays whose rows are dates, oldest first, and must return an array with the same number
    of rows in which row t depends on rows up to t alone. It must not fit anything, and must not depend on the unit
    of an asset's prices or volumes.

    It is called for some of the assets or some of the dates at a time. The stage declares which assets the values of
    an asset depend on: on all that the array holds in the stages market and cross_section, on that asset alone in the
    others. A false declaration is an error. A feature of stage cross_section without a lookback must see one date. For
    appended dates it gets as much of the past as its lookback says. If that is too little to reproduce the last known
    date, it is computed from the first date on, which is correct but slower.

    Parameters
    ----------
    stage : {"asset", "bar", "market", "macro", "cross_section"}
    lookback : int
        Months of history needed beyond those of the inputs, 0 for a function of one date or a recursion. The column
        is warm after them.
    rows : int
        Rows needed in addition, for windows that count observations at any frequency of the panel. Today's value
        and that of the row before are 2 rows.
    reach : int, optional
        Months that the function itself looks back, if it looks no further into inputs that need less history than
        others. It makes appending dates faster.
    windows : sequence of int
        Windows in rows. The function is registered once per window, under its name followed by the window, which
        also replaces `{window}` in the docstring. A parameter `window` receives the window, and adds that many rows
        of history. A parameter named like a family receives that family's feature of the same window.
    calendar : bool
        Whether the function looks for a calendar month in past years. The feature is left out of panels in which
        twelve months of rows are not a year, such as weekly data with four rows per month.
    quarters : bool
        Whether the function multiplies `month` by whole quarters alone, and needs no two rows within a quarter. Other
        features that look back over months are left out of panels of quarters.
    unit : str

    Raises
    ------
    FeatureError
        If the stage is unknown, a lookback or window is impossible, the docstring is missing, the name is
        taken, or the parameters do not name inputs.
    """

    def register(function: _F) -> _F:
        name = function.__name__
        definition, inputs = _read_definition(name, function), _list_inputs(name, function)
        spec = FeatureSpec(
            name, stage, lookback, unit, inputs, definition, function, rows, reach, calendar, quarters
        )
        _check_options(spec, windows)
        for member in [_make_member(spec, window) for window in windows] if windows else [spec]:
            _register(member)
        return function

    return register


def _check_options(spec: FeatureSpec, windows: Sequence[int]) -> None:
    """Raise if an option of a feature is impossible."""
    if spec.stage not in STAGES:
        raise FeatureError(f"feature {spec.name!r}: stage {spec.stage!r} is not one of {', '.join(STAGES)}")
    counts = (
        ("lookback", spec.lookback, "months"),
        ("rows", spec.rows, "rows"),
        ("reach", spec.reach or 0, "months"),
    )
    for option, value, unit in counts:
        if not isinstance(value, int) or value < 0:
            raise FeatureError(
                f"feature {spec.name!r}: {option} is {value!r}, expected 0 or more whole {unit}"
            )
    if spec.quarters and (spec.lookback % 3 or (spec.reach or 0) % 3):
        raise FeatureError(f"feature {spec.name!r}: its lookback or reach is no number of whole quarters")
    if not all(isinstance(window, int) and window > 0 for window in windows):
        raise FeatureError(f"feature {spec.name!r}: windows are {windows!r}, expected whole rows, 1 or more")


def _read_definition(name: str, function: _Kernel) -> str:
    """Return the first paragraph of the docstring in one line."""
    definition = inspect.getdoc(function)
    if not definition:
        raise FeatureError(
            f"feature {name!r}: its docstring is its definition, and is missing; write one (Python removes"
            " docstrings if PYTHONOPTIMIZE is 2: unset it)"
        )
    return " ".join(definition.split("\n\n")[0].split())


def _make_member(family: FeatureSpec, window: int) -> FeatureSpec:
    """Return the feature of a family that has a certain window."""
    inputs = {
        f"{parameter}{window}" if f"{parameter}{window}" in _CATALOGUE else parameter: parameter
        for parameter in family.inputs
        if parameter != "window"
    }
    own = {"window": window} if "window" in family.inputs else {}

    @wraps(family.kernel)
    def kernel(**values: Floats) -> Floats:
        return family.kernel(**{inputs[name]: array for name, array in values.items()}, **own)

    return replace(
        family,
        name=f"{family.name}{window}",
        inputs=tuple(inputs),
        definition=family.definition.replace("{window}", str(window)),
        kernel=kernel,
        rows=family.rows + sum(own.values()),
    )


def _register(spec: FeatureSpec) -> None:
    """Register a feature under its name."""
    if spec.name in INPUTS:
        raise FeatureError(f"feature {spec.name!r}: the name belongs to an input")
    known, module = _CATALOGUE.get(spec.name), spec.kernel.__module__
    if known is not None and known.kernel.__module__ != module:
        raise FeatureError(f"feature {spec.name!r} is defined in {known.kernel.__module__} and in {module}")
    _CATALOGUE[spec.name] = spec


def _list_inputs(name: str, function: _Kernel) -> tuple[str, ...]:
    """Return the parameter names, all of which `kernel(**inputs)` must be able to fill."""
    parameters = inspect.signature(function).parameters.values()
    wrong = [p.name for p in parameters if p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if wrong or not parameters:
        raise FeatureError(
            f"feature {name!r}: its parameters are its inputs; expected at least one name and no *, ** or /, "
            f"got ({', '.join(p.name for p in parameters)})"
        )
    return tuple(p.name for p in parameters)


def registered_features() -> dict[str, FeatureSpec]:
    """Return the features registered so far, by name."""
    return dict(_CATALOGUE)
