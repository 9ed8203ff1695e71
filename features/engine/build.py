"""Which tiles a matrix is computed in: blocks of dates, and in each of them assets or dates side by side.

Blocks bound the memory: what steps of different kinds need of each other is kept for one block of dates alone. A
block goes on where the one before stopped, as appended dates do, by the same code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from features.engine.calls import call_kernel, infinite_error
from features.engine.column_kernels import differ_bitwise
from features.engine.context import BuildContext, DateBlock, Past, States, TileResult
from features.engine.inputs import Inputs, select_assets
from features.engine.recipe import Recipe, assign_kinds, replace_kinds
from features.engine.tiles import Tile
from features.kernels.carried_state import Continuation
from features.spec import FeatureError
from foundation.types import Floats

A = TypeVar("A")
B = TypeVar("B")

TOGETHER = 64
"""Up to so many assets are computed as one tile; the kernels work on so many side by side."""

WORKING_BYTES = 512 * 2**20
"""What a block of dates may take beside the matrix, or `WORKING_SHARE` of the matrix if that is more."""

WORKING_SHARE = 0.04

TILE_BYTES = 1_500_000
"""What one array of a tile may take: a few of them stay near the processor."""

DATES_BYTES = 8_000_000
"""What the columns of a few dates may take."""

WITNESSES = 6
"""Assets that are computed together, and a third of them alone, to see who looks at whom."""


def default_workers() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compute_series(context: BuildContext) -> None:
    """Add the features that all assets share to `context.series`, for all dates."""
    panel = context.inputs.panel
    shapes = ((len(panel.dates),),)
    for step in context.recipe.steps_of("series"):
        inputs = {name: panel.month if name == "month" else context.series[name] for name in step.spec.inputs}
        value = call_kernel(step.spec, inputs, Continuation(), shapes).copy()  # type: ignore[arg-type]
        value[: step.warm] = np.nan
        beyond = np.flatnonzero(np.abs(value) > context.limit(step))
        if len(beyond):
            raise infinite_error(step.name, panel, int(beyond[0]))
        value.setflags(write=False)
        context.series[step.name] = value


def classify_steps(context: BuildContext) -> Recipe:
    """Return the recipe with kinds.

    Few assets are computed as one tile. Of more, some with the longest past are computed together and a third of
    those without the others, over all dates: what a feature gives an asset must not change with its company.
    """
    panel, recipe = context.inputs.panel, context.recipe
    if len(panel.assets) <= TOGETHER:
        return replace_kinds(
            recipe, {s.name: "series" if s.kind == "series" else "tile" for s in recipe.steps}
        )
    longest = np.argsort(-panel.listed.sum(axis=0), kind="stable")[:WITNESSES]
    together = _compute_sample(context, longest)
    few = _compute_sample(context, longest[: WITNESSES // 3])
    alone = {
        name
        for name in together.keys() & few.keys()
        if together[name].ndim == few[name].ndim == 2
        and not differ_bitwise(together[name][:, : WITNESSES // 3], few[name])
    }
    return assign_kinds(recipe, alone, context.deep)


def _compute_sample(context: BuildContext, assets: NDArray[np.int64]) -> dict[str, Floats]:
    """Return what may be features of one asset each, computed for some assets alone, over all dates."""
    n_dates, n_assets = len(context.inputs.panel.dates), len(assets)
    sub = replace(
        context,
        inputs=Inputs(select_assets(context.inputs.panel, assets), set()),
        out=context.out[:, :n_assets],
    )
    steps = context.recipe.single_asset_steps()
    while True:
        block = DateBlock(0, n_dates, Past(), Past(), context.recipe.history(), {})
        tile = Tile(sub, block, steps, (0, n_dates), slice(0, n_assets))
        try:
            tile.run()
        except FeatureError:
            # What is wrong is told when all assets are computed; who wants more company than this gets it.
            wrong = context.recipe.dependents_of({steps[len(tile.values)].name})
            steps = tuple(step for step in steps if step.name not in wrong)
        else:
            return tile.values


def compute_rows(context: BuildContext, past: Past, start: int, workers: int) -> tuple[Past, set[str]]:
    """Compute rows `start` and later, block by block.

    Returns
    -------
    past : Past
        What the dates after these need.
    failed : set of str
        Features that look further back than they say. They, and what is made of them, are not right.
    """
    stop = len(context.inputs.panel.dates)
    failed: set[str] = set()
    for begin, end in _split_evenly(start, stop, _block_rows(context)):
        past, wrong = _compute_block(context, past, begin, end, workers)
        failed |= wrong
    # What is made of a feature that failed did not fail itself.
    return past, {name for name in failed if name not in context.recipe.dependents_of(failed - {name})}


def _block_rows(context: BuildContext) -> int:
    """Return how many dates are computed at a time."""
    n_assets = context.out.shape[1]
    kept = len(context.recipe.shared_names()) * n_assets
    slabs = 4 * len(context.recipe.steps_of("tile")) * min(TOGETHER, n_assets)
    budget = max(WORKING_BYTES, WORKING_SHARE * context.out.nbytes)
    return max(int(budget / 8 / max(kept + slabs, 1)), 64)


def _split_evenly(start: int, stop: int, most: int) -> list[tuple[int, int]]:
    """Cut rows into stretches of about the same length."""
    count = max(-(-(stop - start) // most), 1)
    edges = np.linspace(start, stop, count + 1).astype(int).tolist()
    return list(pairwise(edges))


def _compute_block(
    context: BuildContext, past: Past, start: int, stop: int, workers: int
) -> tuple[Past, set[str]]:
    """Compute one block."""
    recipe, n_assets = context.recipe, context.out.shape[1]
    history = recipe.history(context.deep)
    block = DateBlock(
        start, stop, past, Past(), history, _allocate_shared(recipe, past, history, start, stop, n_assets)
    )
    failed: set[str] = set()

    def tile(assets: tuple[int, int]) -> TileResult:
        return Tile(
            context, block, recipe.steps_of("tile"), (start, stop), slice(*assets)
        ).compute_and_write()

    parts = _split_evenly(0, n_assets, _tile_assets(stop - start, n_assets, workers))
    tiles = _map_items(tile, parts, workers) if recipe.steps_of("tile") else []
    for done in tiles:
        failed |= done.failed
    for step in recipe.steps_of("tile"):
        block.after.carried[step.name] = _join_states([d.saved[step.name] for d in tiles], parts)
    whole = Tile(context, block, recipe.steps_of("whole"), (start, stop), slice(0, n_assets)).run()
    failed |= whole.failed
    block.after.carried |= whole.saved
    return block.after, failed | _compute_dates(context, block, workers)


def _compute_dates(context: BuildContext, block: DateBlock, workers: int) -> set[str]:
    """Compute statistics of one date and write all that the tiles did not; return who failed."""
    recipe, n_assets = context.recipe, context.out.shape[1]
    steps = recipe.steps_of("rows")
    late = recipe.steps_of("whole", "series")

    def dates(rows: tuple[int, int]) -> TileResult:
        return Tile(context, block, steps, rows, slice(0, n_assets)).compute_and_write(late)

    most = max(int(DATES_BYTES / 8 / max(len(steps) * n_assets, 1)), 8)
    pieces = _map_items(dates, _split_evenly(block.start, block.stop, most), workers)
    failed = set().union(*(piece.failed for piece in pieces))
    for i, step in enumerate(steps):
        # A recursion knows no pieces, and what looks back beyond its date differs between them.
        if any(piece.saved[step.name] for piece in pieces) or any(
            differ_bitwise(a.last[i], b.first[i]) for a, b in pairwise(pieces)
        ):
            failed.add(step.name)
    return failed


def _allocate_shared(
    recipe: Recipe, past: Past, history: Mapping[str, int], start: int, stop: int, n_assets: int
) -> dict[str, Floats]:
    """Return room for what steps of different kinds need of each other, beginning with its past."""
    kept = {}
    # At the start nobody knows yet which steps of kind whole give one value a date: these make their own room.
    for name in recipe.shared_names() - ({step.name for step in recipe.steps_of("whole")} - set(past.tails)):
        rows = start if history[name] < 0 else min(history[name], start)
        tail = past.tails.get(name)
        size = (n_assets,) if tail is None else tail.shape[1:]
        kept[name] = np.empty((rows + stop - start, *size))
        if tail is not None:
            kept[name][:rows] = tail[len(tail) - rows :]
    return kept


def _tile_assets(rows: int, n_assets: int, workers: int) -> int:
    """Return how many assets make a tile."""
    if n_assets <= TOGETHER:
        return TOGETHER
    fitting = int(TILE_BYTES / 8 / max(rows, 1)) // TOGETHER * TOGETHER
    fair = -(-n_assets // workers // TOGETHER) * TOGETHER
    return max(TOGETHER, min(fitting, fair))


def _join_states(parts: Sequence[States], assets: Sequence[tuple[int, int]]) -> States:
    """Put the states of tiles side by side; a state whose last axis is not the tile's assets is shared by all."""
    if len(parts) < 2:
        return parts[0] if parts else ()
    if len({len(states) for states in parts}) > 1:
        return ()  # it failed in a tile, and will start from row 0
    width = assets[0][1] - assets[0][0]
    return tuple(
        np.concatenate(states, axis=-1) if states[0].shape[-1:] == (width,) else states[0]
        for states in zip(*parts, strict=True)
    )


def _map_items(function: Callable[[A], B], items: Sequence[A], workers: int) -> list[B]:
    """Apply a function to each item, in threads; the first item that fails decides the error."""
    if workers < 2 or len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(workers, len(items))) as pool:
        return list(pool.map(function, items))
