"""History of a matrix, to which later dates can be appended."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.engine.context import Past
from features.engine.inputs import OPTIONAL, Inputs
from features.engine.recipe import Recipe
from features.spec import FeatureError
from market.panel import Panel

_MEMBER = "member"
"""Name of the universe among the arrays of a history, which statistics across assets depend on."""
_Signature = tuple[tuple[str, str, int, int, int | None, tuple[str, ...]], ...]


@dataclass(frozen=True)
class History:
    """Inputs and recipe of a matrix, and the state that its features leave for later dates.

    Attributes
    ----------
    include, exclude : tuple of str
        Stages and features that were selected.
    assets : tuple of str
    year : int
        Observations in a year.
    seen : dict of str to ndarray
        The inputs up to the last date. In a stored matrix their digests stand for them.
    digests : dict of str to str
        SHA-256 of each input in a matrix that was stored, else empty.
    signature : tuple
        Name, stage, lookback in months and rows, reach, and inputs of every feature that was computed.
    deep : frozenset of str
        Features that look further back than their lookback says; they are computed from the first date every time.
    past : Past
    """

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    assets: tuple[str, ...]
    year: int
    seen: dict[str, NDArray[Any]]
    digests: dict[str, str]
    signature: _Signature
    deep: frozenset[str]
    past: Past

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to store: digests instead of inputs."""
        digests = self.digests or {name: _digest_array(array) for name, array in self.seen.items()}
        return {**self.__dict__, "seen": {}, "digests": digests}

    def check(self, inputs: Inputs, recipe: Recipe, rows: int) -> dict[str, NDArray[Any]]:
        """Return the panel's inputs, all of its dates included.

        Raises
        ------
        FeatureError
            If the first `rows` dates are not those that the matrix was made from, or its features are others.
        """
        self._check_features(recipe)
        self._check_assets(inputs.panel)
        seen = collect_arrays(inputs, recipe)
        known = self.seen or self.digests
        if known and (_MEMBER in known) != (_MEMBER in seen):
            raise FeatureError(
                f"panel {inputs.panel.name!r} has {'a' if _MEMBER in seen else 'no'} universe, unlike the matrix: build"
                " the matrix again"
            )
        for name in known:
            if not self._known(name, seen[name][:rows]):
                raise FeatureError(
                    f"panel {inputs.panel.name!r}: {name} up to row {rows - 1} is not what the matrix was made from "
                    "(was the past revised?): build the matrix again"
                )
        return seen

    def _check_features(self, recipe: Recipe) -> None:
        """Raise if other features would be computed."""
        if make_signature(recipe) != self.signature:
            known, now = ({f[0]: f for f in part} for part in (self.signature, make_signature(recipe)))
            changed = sorted(name for name in known.keys() | now.keys() if known.get(name) != now.get(name))
            raise FeatureError(f"the features changed ({', '.join(changed)}): build the matrix again")

    def _check_assets(self, panel: Panel) -> None:
        """Raise if a panel holds other assets, or has another number of rows in a year."""
        if panel.assets != self.assets or panel.periods_per_year != self.year:
            new = [name for name in panel.assets if name not in self.assets]
            gone = [name for name in self.assets if name not in panel.assets]
            raise FeatureError(
                f"panel {panel.name!r} does not hold the assets of the matrix in their order "
                f"(new: {', '.join(new) or 'none'}; gone: {', '.join(gone) or 'none'}): statistics across assets "
                "have others to look at, build the matrix again"
            )

    def _known(self, name: str, array: NDArray[Any]) -> bool:
        """Return whether an input is unchanged, bit for bit."""
        if not self.seen:
            return self.digests[name] == _digest_array(array)
        known = self.seen[name]
        return known.shape == array.shape and np.array_equal(known.view(np.int64), array.view(np.int64))


def make_signature(recipe: Recipe) -> _Signature:
    """Return the properties by which a changed feature is recognised."""
    return tuple(
        (s.name, s.spec.stage, s.spec.lookback, s.spec.rows, s.spec.reach, s.spec.inputs)
        for s in recipe.steps
    )


def collect_arrays(inputs: Inputs, recipe: Recipe) -> dict[str, NDArray[Any]]:
    """Return the inputs that the recipe uses, and the dates, as C-ordered arrays of 8-byte values."""
    panel = inputs.panel
    used = {name for step in recipe.steps for name in step.spec.inputs}
    found: dict[str, NDArray[Any]] = {
        "dates": panel.dates.as_unit("us").asi8,
        "returns": panel.returns,
        **inputs.series,
        **inputs.tables,
        **{name: getattr(panel, field) for name, field in OPTIONAL.items() if name in used},
    }
    if panel.member is not None:
        found[_MEMBER] = panel.member.astype(np.int64)
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def _digest_array(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
