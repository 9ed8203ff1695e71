"""What a matrix remembers, so that later dates can be appended to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.inputs import OPTIONAL, Inputs
from features.recipe import Kind, Recipe
from features.spec import FeatureError
from features.tiles import Past

Signature = tuple[tuple[str, str, int, tuple[str, ...]], ...]


@dataclass(frozen=True)
class History:
    """What a matrix was made from and how, and what its features leave for later dates.

    Attributes
    ----------
    include, exclude : tuple of str
        The features that were asked for.
    assets : tuple of str
    month : int
        Observations in a month.
    digests : dict of str to str
        SHA-256 of each input up to the last date.
    signature : tuple
        Name, stage, lookback and inputs of every feature that was computed.
    kinds : dict of str to str
        How each feature is computed.
    deep : frozenset of str
        Features that look further back than they say, and are computed from the first date on every time.
    past : Past
    """

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    assets: tuple[str, ...]
    month: int
    digests: dict[str, str]
    signature: Signature
    kinds: Mapping[str, Kind]
    deep: frozenset[str]
    past: Past

    def check(self, inputs: Inputs, recipe: Recipe, rows: int) -> dict[str, str]:
        """Return the digests of the panel's inputs, all of its dates included.

        Raises
        ------
        FeatureError
            If the first `rows` dates are not those that the matrix was made from, or its features are others.
        """
        panel = inputs.panel
        if signature(recipe) != self.signature:
            known, now = ({f[0]: f for f in part} for part in (self.signature, signature(recipe)))
            changed = sorted(name for name in known.keys() | now.keys() if known.get(name) != now.get(name))
            raise FeatureError(f"the features changed ({', '.join(changed)}): build the matrix again")
        if panel.assets != self.assets or panel.month != self.month:
            new = [name for name in panel.assets if name not in self.assets]
            gone = [name for name in self.assets if name not in panel.assets]
            raise FeatureError(
                f"panel {panel.name!r} does not hold the assets of the matrix in their order "
                f"(new: {', '.join(new) or 'none'}; gone: {', '.join(gone) or 'none'}): statistics across assets "
                "have others to look at, build the matrix again"
            )
        before, after = digests(inputs, recipe, rows)
        for name, digest in self.digests.items():
            if before.get(name) != digest:
                raise FeatureError(
                    f"panel {panel.name!r}: {name} up to row {rows - 1} is not what the matrix was made from "
                    "(was the past revised?): build the matrix again"
                )
        return after


def signature(recipe: Recipe) -> Signature:
    """Return what tells features from others of the same name."""
    return tuple((s.name, s.spec.stage, s.spec.lookback, s.spec.inputs) for s in recipe.steps)


def digests(inputs: Inputs, recipe: Recipe, rows: int) -> tuple[dict[str, str], dict[str, str]]:
    """Return the SHA-256 of each input that the recipe uses, of the first `rows` dates and of all."""
    panel = inputs.panel
    used = {name for step in recipe.steps for name in step.spec.inputs}
    arrays: dict[str, NDArray[Any]] = {
        "dates": panel.dates.as_unit("us").asi8,
        "returns": panel.returns,
        **inputs.series,
        **{name: getattr(panel, field) for name, field in OPTIONAL.items() if name in used},
    }
    before, after = {}, {}
    for name, array in arrays.items():
        sha = hashlib.sha256(np.ascontiguousarray(array[:rows]).data)
        before[name] = sha.hexdigest()
        sha.update(np.ascontiguousarray(array[rows:]).data)
        after[name] = sha.hexdigest()
    return before, after
