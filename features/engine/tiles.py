"""Features of some assets over some dates: the unit in which a matrix is computed.

A tile continues the earlier dates. Each of its features gets as much of its inputs' past as its lookback says,
computes the last known date again, and then the new ones. If the last known date does not have the same bits as
before, the feature looks further back than its lookback says, and the tile's values of it are not used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.engine.calls import call_kernel, infinite_error, mask_series
from features.engine.column_kernels import differ_bitwise, write_columns, write_masked
from features.engine.context import BuildContext, DateBlock, States, TileResult
from features.engine.recipe import Step
from features.kernels.carried_state import Continuation
from features.sharing import share_results
from features.spec import FeatureError
from foundation.types import Floats


class Tile:
    """The steps of some kinds, for some assets, over rows `start` to `stop` of a block."""

    def __init__(
        self,
        context: BuildContext,
        block: DateBlock,
        steps: Sequence[Step],
        rows: tuple[int, int],
        assets: slice,
    ) -> None:
        self.context, self.block, self.steps, self.assets = context, block, steps, assets
        self.start, self.stop = rows
        # The last known row is computed once more.
        self.first = max(self.start - 1, 0)
        self.known = self.start - self.first
        n = assets.stop - assets.start
        self.shape = (self.stop - self.first, n)
        self.values: dict[str, Floats] = {}
        self.result = TileResult(set(), {}, [], [])
        self.begins: dict[str, int] = {}
        for step in steps:
            for name in step.spec.inputs:
                self.begins[name] = min(self.begins.get(name, self.stop), self._first_input_row(step))
        self.tables: dict[str, Floats] = {}
        self.of_members: dict[tuple[str, int], Floats] = {}

    def run(self) -> TileResult:
        """Compute the steps into `values`, and keep what other steps and later dates need."""
        self._run(np.empty((len(self.steps), *self.shape)))
        return self.result

    def compute_and_write(self, others: Sequence[Step] = ()) -> TileResult:
        """Compute the steps, keep values for later use, and write these and `others` to the matrix.

        The next tile reuses their memory.
        """
        with self.context.scratch.borrow(len(self.steps), *self.shape) as slab:
            self._run(slab)
            self._write_columns(slab, others)
        return self.result

    def _run(self, slab: Floats) -> None:
        returns = self._get_input("returns", self.first)
        with share_results():
            for step, out in zip(self.steps, slab, strict=True):
                self._run_step(step, returns, out)

    def _run_step(self, step: Step, returns: Floats, out: Floats) -> None:
        """Compute one step."""
        try:
            value = self._compute_step(step, returns, out)
        except FeatureError:
            # It may succeed with more history; if not, it fails again there.
            if not self.known or step.name in self.context.deep:
                raise
            value = self._mark_failed(step, out)
        value.setflags(write=False)
        self.values[step.name] = value
        self._check_continuity(step, value)
        self._store_step(step, value)

    def _write_columns(self, slab: Floats, others: Sequence[Step]) -> None:
        """Write the tables in the slab, and the series of this tile and all columns of `others` beside them."""
        in_slab = [self.values[step.name].ndim == 2 for step in self.steps]
        places = [step.column if there else -1 for step, there in zip(self.steps, in_slab, strict=True)]
        rest = [step for step, there in zip(self.steps, in_slab, strict=True) if not there]
        columns = {s.column: self._get_input(s.name, self.first) for s in (*rest, *others) if s.column >= 0}
        series = {k: value[self.known :] for k, value in columns.items() if value.ndim == 1}
        tables = {k: value for k, value in columns.items() if value.ndim == 2}
        to = (self.context.out, self.start, self.assets.start)
        write_columns(*to, slab, self.known, places, series)
        if tables:
            write_columns(*to, np.stack(list(tables.values())), self.known, list(tables), {})

    def _first_input_row(self, step: Step) -> int:
        """Return the first row that a step gets."""
        return 0 if step.name in self.context.deep else max(0, self.first - step.depth)

    def _compute_step(self, step: Step, returns: Floats, out: Floats) -> Floats:
        """Return the values of a step from row `first` on, checked."""
        begin = self._first_input_row(step)
        read = self._get_members if self._sees_members(step) else self._get_input
        inputs = {name: read(name, begin) for name in step.spec.inputs}
        now = Continuation(begin, self.first - begin, self._carried_states(step))
        rows = self.stop - begin
        # A function of one asset, called with an array of several, cannot return one value for all of them.
        of_each = not step.spec.sees_several and any(np.ndim(value) == 2 for value in inputs.values())
        shapes: tuple[tuple[int, ...], ...] = ((rows, self.shape[1]), (rows,))
        result = call_kernel(step.spec, inputs, now, shapes[:1] if of_each else shapes)
        self.result.saved[step.name] = tuple(now.saved)
        cold, limit = max(step.warm - self.first, 0), self.context.limit(step)
        panel = self.context.inputs.panel
        if result.ndim == 2:
            worst = write_masked(result, self.first - begin, returns, cold, limit, out)
            if worst >= 0:
                t, j = divmod(worst, self.shape[1])
                raise infinite_error(step.name, panel, self.first + t, self.assets.start + j)
            return out
        return mask_series(result[self.first - begin :], cold, limit, step.name, panel, self.first)

    def _mark_failed(self, step: Step, out: Floats) -> Floats:
        """Note that a step failed, and return no values in its shape."""
        self.result.failed.add(step.name)
        self.result.saved[step.name] = ()
        tail = self.block.before.tails.get(step.name)
        value = out[:, 0] if tail is not None and tail.ndim == 1 else out
        value[:] = np.nan
        return value

    def _get_input(self, name: str, begin: int) -> Floats:
        """Return an input from row `begin` on, C-ordered and read-only."""
        if name == "month":
            return self.context.inputs.panel.month  # type: ignore[return-value]
        if name in self.context.series:
            return self.context.series[name][begin : self.stop]
        if name in self.values and begin == self.first:
            return self.values[name]
        if name not in self.tables or self.begins.get(name, begin) > begin:
            self.begins[name] = min(self.begins.get(name, begin), begin)
            self.tables[name] = self._assemble_input(name, self.begins[name])
        return self.tables[name][begin - self.begins[name] :]

    def _sees_members(self, step: Step) -> bool:
        """Return whether a step compares assets while only some of them are in the universe."""
        return step.spec.sees_several and self.context.inputs.panel.member is not None

    def _get_members(self, name: str, begin: int) -> Floats:
        """Return an input from row `begin` on, NaN where an asset is not in the universe."""
        table, member = self._get_input(name, begin), self.context.inputs.panel.member
        if member is None or np.ndim(table) != 2:
            return table
        if (name, begin) not in self.of_members:
            masked = np.where(member[begin : self.stop, self.assets], table, np.nan)
            masked.setflags(write=False)
            self.of_members[name, begin] = masked
        return self.of_members[name, begin]

    def _assemble_input(self, name: str, begin: int) -> Floats:
        """Return an input from row `begin` on, assembled from the past and the values of this block."""
        if name in self.values:
            past = self.block.before.tails[name]
            past = past[len(past) - 1 - (self.first - begin) : len(past) - 1]
            past = past[:, self.assets] if past.ndim == 2 else past
            table = np.concatenate((past, self.values[name]))
        elif name in self.block.kept:
            kept = self.block.kept[name]
            end = len(kept) - self.block.stop
            kept = kept[end + begin : end + self.stop]
            table = np.ascontiguousarray(kept[:, self.assets] if kept.ndim == 2 else kept).view()
        else:
            return self.context.inputs.table(name, slice(begin, self.stop), self.assets)
        table.setflags(write=False)
        return table

    def _carried_states(self, step: Step) -> States:
        """Return the states of a step's recursions before the last known row."""
        if step.name in self.context.deep or self.start != self.block.start:
            return ()
        n_assets = self.context.out.shape[1]
        return tuple(
            np.ascontiguousarray(state[..., self.assets] if state.shape[-1:] == (n_assets,) else state)
            for state in self.block.before.carried.get(step.name, ())
        )

    def _check_continuity(self, step: Step, value: Floats) -> None:
        """Note whether the last known row came out as before, and keep the outermost rows."""
        if self.known and self.start == self.block.start:
            tail = self.block.before.tails[step.name]
            last = tail[-1, self.assets] if tail.ndim == 2 else tail[-1]
            if np.ndim(last) != np.ndim(value[0]) or differ_bitwise(np.asarray(value[0]), np.asarray(last)):
                self.result.failed.add(step.name)
        self.result.first.append(np.array(value[0]) if len(value) else np.empty(0))
        self.result.last.append(np.array(value[-1]) if len(value) else np.empty(0))

    def _store_step(self, step: Step, value: Floats) -> None:
        """Store the values for steps of other kinds and for later dates."""
        block, n_assets, name = self.block, self.context.out.shape[1], step.name
        if step.kind == "whole":
            block.kept.setdefault(name, np.empty(value.shape))
        if name in block.kept:
            kept = block.kept[name]
            to = kept[len(kept) - (block.stop - self.first) : len(kept) - (block.stop - self.stop)]
            to[..., self.assets if kept.ndim == 2 else slice(None)] = value
        if self.stop != block.stop:
            return
        rows = block.stop if block.history[name] < 0 else min(block.history[name], block.stop)
        begin = block.stop - rows
        whole = value if begin >= self.first else self._assemble_input(name, begin)
        size = (rows, n_assets) if value.ndim == 2 else (rows,)
        tail = block.after.tails.setdefault(name, np.empty(size))
        tail[..., self.assets if value.ndim == 2 else slice(None)] = whole[len(whole) - rows :]
