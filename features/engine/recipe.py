"""Recipe of a matrix: the order of its features, how much history they need, and which assets a tile holds.

Four kinds of steps, in the order in which they run:

`series`
    Depends only on series that all assets share: computed over all dates at once.
`tile`
    Declared to see one asset, as are its inputs: computed for a few assets at a time.
`whole`
    Declared to see several assets, or has such inputs: computed for all of them together.
`rows`
    Statistics across the assets of one date (stage cross_section without a lookback): a few dates at a time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from features.spec import FeatureSpec

Kind = Literal["series", "tile", "whole", "rows"]


@dataclass(frozen=True)
class Step:
    """One feature to be computed.

    Attributes
    ----------
    spec : FeatureSpec
    warm : int
        First row at which all windows lie inside the panel.
    depth : int
        Rows before a row that its value needs from the inputs.
    column : int
        Column of the matrix, or -1.
    kind : str
    """

    spec: FeatureSpec
    warm: int
    depth: int
    column: int
    kind: Kind

    @property
    def name(self) -> str:
        """Name of the feature."""
        return self.spec.name


@dataclass(frozen=True)
class Recipe:
    """Steps, each after its inputs, with the columns that they fill and the features that are missing.

    `dated` names the series and tables that the steps use, or statistics of them.
    """

    steps: tuple[Step, ...]
    columns: tuple[str, ...]
    missing: dict[str, str]
    dated: frozenset[str]

    def steps_of(self, *kinds: Kind) -> tuple[Step, ...]:
        """Return the steps of some kinds."""
        return tuple(step for step in self.steps if step.kind in kinds)

    def dependents_of(self, names: Collection[str]) -> set[str]:
        """Return these features and all that depend on them."""
        found = set(names)
        for step in self.steps:
            if found & set(step.spec.inputs):
                found.add(step.name)
        return found

    def drop_steps(self, names: Collection[str]) -> Recipe:
        """Return the recipe without some steps."""
        return replace(self, steps=tuple(step for step in self.steps if step.name not in names))

    def history(self, deep: Collection[str] = ()) -> dict[str, int]:
        """Return how many rows of each step's past the next dates need; -1 for all of them.

        Parameters
        ----------
        deep : collection of str
            Features that are computed from row 0 on every time.
        """
        rows: dict[str, int] = {step.name: 1 for step in self.steps if step.kind != "series"}
        for step in self.steps:
            for needed in set(step.spec.inputs) & set(rows):
                if step.name in deep:
                    rows[needed] = -1
                elif rows[needed] >= 0:
                    rows[needed] = max(rows[needed], 1 + step.depth)
        return rows

    def shared_names(self) -> set[str]:
        """Return the steps whose values steps of other kinds need, or which are written to the matrix late."""
        kinds = {step.name: step.kind for step in self.steps}
        crossing = {
            needed
            for step in self.steps
            for needed in step.spec.inputs
            if kinds.get(needed, step.kind) not in (step.kind, "series")
        }
        return crossing | {step.name for step in self.steps_of("whole")}


def arrange_steps(recipe: Recipe, *, one_tile: bool, deep: Collection[str] = ()) -> Recipe:
    """Return the recipe with the kinds by which it is computed.

    Parameters
    ----------
    recipe : Recipe
    one_tile : bool
        Whether one tile holds all assets, so that it computes whatever they do not share.
    deep : collection of str
        Features that are computed from row 0 on every time.
    """
    kinds: dict[str, Kind] = {s.name: s.kind for s in recipe.steps}
    if one_tile:
        kinds = {name: "series" if kind == "series" else "tile" for name, kind in kinds.items()}
    needed_over_time: set[str] = set()
    for step in reversed(recipe.steps):
        by_date = step.spec.stage == "cross_section" and step.depth == 0 and step.name not in deep
        if kinds[step.name] == "whole" and by_date and step.name not in needed_over_time:
            kinds[step.name] = "rows"
        else:
            needed_over_time |= set(step.spec.inputs)
    return replace(recipe, steps=tuple(replace(step, kind=kinds[step.name]) for step in recipe.steps))
