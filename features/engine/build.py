"""Computation of a matrix in blocks of dates, and within each block in tiles of assets or dates.

Blocks bound the memory: values that steps of different kinds exchange are kept for one block of dates alone. A
block continues the one before by the same code that appends dates.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np

from features.engine.calls import call_kernel, mask_series
from features.engine.column_kernels import differ_bitwise
from features.engine.context import BuildContext, DateBlock, Past, States, TileResult
from features.engine.recipe import Recipe, arrange_steps
from features.engine.tiles import Tile
from features.kernels.carried_state import Continuation
from foundation.types import Floats
from market.panel import Panel

_A = TypeVar("_A")
_B = TypeVar("_B")

TOGETHER = 64
"""Assets of a tile, at most, unless memory allows more; the kernels handle so many side by side."""

WORKING_BYTES = 512 * 2**20
"""Memory of a block of dates beside the matrix, or `WORKING_SHARE` of the matrix if that is more."""

WORKING_SHARE = 0.04

TILE_BYTES = 1_500_000
"""Memory of one array of a tile: a few of them fit into the processor's cache."""

DATES_BYTES = 8_000_000
"""Memory of the columns of a few dates."""


def default_workers() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compute_series(context: BuildContext) -> None:
    """Add the features that all assets share to `context.series`, for all dates."""
    panel = context.inputs.panel
    shapes = ((len(panel.dates),),)
    for step in context.recipe.steps_of("series"):
        inputs = {name: panel.month if name == "month" else context.series[name] for name in step.spec.inputs}
        value = call_kernel(step.spec, inputs, Continuation(), shapes)  # type: ignore[arg-type]
        value = mask_series(value, step.warm, context.limit(step), step.name, panel)
        value.setflags(write=False)
        context.series[step.name] = value


def arrange(recipe: Recipe, panel: Panel, deep: Collection[str]) -> Recipe:
    """Return the recipe with the kinds by which the features of a panel are computed."""
    return arrange_steps(recipe, one_tile=len(panel.assets) <= TOGETHER, deep=deep)


def compute_rows(context: BuildContext, past: Past, start: int, workers: int) -> tuple[Past, set[str]]:
    """Compute rows `start` and later, block by block.

    Returns
    -------
    past : Past
        State that later dates need.
    failed : set of str
        Features that look further back than their lookback says. They and their dependents are wrong.
    """
    stop = len(context.inputs.panel.dates)
    failed: set[str] = set()
    for begin, end in _split_evenly(start, stop, _block_rows(context)):
        past, wrong = _compute_block(context, past, begin, end, workers)
        failed |= wrong
    # Dependents of a failed feature did not fail themselves.
    return past, {name for name in failed if name not in context.recipe.dependents_of(failed - {name})}


def _block_rows(context: BuildContext) -> int:
    """Return how many dates are computed at a time."""
    n_assets = context.out.shape[1]
    kept = len(context.recipe.shared_names()) * n_assets
    slabs = 4 * len(context.recipe.steps_of("tile")) * min(TOGETHER, n_assets)
    budget = max(WORKING_BYTES, WORKING_SHARE * context.out.nbytes)
    return max(int(budget / 8 / max(kept + slabs, 1)), 64)


def _split_evenly(start: int, stop: int, most: int) -> list[tuple[int, int]]:
    """Cut rows into intervals of about the same length."""
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
    failed = _compute_tiles(context, block, workers)
    whole = Tile(context, block, recipe.steps_of("whole"), (start, stop), slice(0, n_assets)).run()
    block.after.carried |= whole.saved
    return block.after, failed | whole.failed | _compute_dates(context, block, workers)


def _compute_tiles(context: BuildContext, block: DateBlock, workers: int) -> set[str]:
    """Compute and write the features of single assets, and return those that failed."""
    steps, rows, n_assets = context.recipe.steps_of("tile"), (block.start, block.stop), context.out.shape[1]

    def tile(assets: tuple[int, int]) -> TileResult:
        return Tile(context, block, steps, rows, slice(*assets)).compute_and_write()

    parts = _split_evenly(0, n_assets, _tile_assets(block.stop - block.start, n_assets, workers))
    tiles = _map_items(tile, parts, workers) if steps else []
    for step in steps:
        block.after.carried[step.name] = _join_states([done.saved[step.name] for done in tiles], parts)
    return {name for done in tiles for name in done.failed}


def _compute_dates(context: BuildContext, block: DateBlock, workers: int) -> set[str]:
    """Compute statistics of single dates, write all other columns, and return the features that failed."""
    recipe, n_assets = context.recipe, context.out.shape[1]
    steps = recipe.steps_of("rows")
    late = recipe.steps_of("whole", "series")

    def dates(rows: tuple[int, int]) -> TileResult:
        return Tile(context, block, steps, rows, slice(0, n_assets)).compute_and_write(late)

    most = max(int(DATES_BYTES / 8 / max(len(steps) * n_assets, 1)), 8)
    pieces = _map_items(dates, _split_evenly(block.start, block.stop, most), workers)
    failed = set().union(*(piece.failed for piece in pieces))
    for i, step in enumerate(steps):
        # A recursion cannot be cut into pieces, and a feature that looks back beyond its date differs between them.
        if any(piece.saved[step.name] for piece in pieces) or any(
            differ_bitwise(a.last[i], b.first[i]) for a, b in pairwise(pieces)
        ):
            failed.add(step.name)
    return failed


def _allocate_shared(
    recipe: Recipe, past: Past, history: Mapping[str, int], start: int, stop: int, n_assets: int
) -> dict[str, Floats]:
    """Allocate the values that steps of different kinds exchange, and fill in their past."""
    kept = {}
    # Steps of kind whole allocate their own values: they may give one value per date, which is not known here.
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


def _map_items(function: Callable[[_A], _B], items: Sequence[_A], workers: int) -> list[_B]:
    """Apply a function to each item, in threads; the error of the first failing item is raised."""
    if workers < 2 or len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(workers, len(items))) as pool:
        return list(pool.map(function, items))
