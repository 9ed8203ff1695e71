"""Audit: rerun the pipeline with other futures and other units. Values known before the cut must be bit-identical."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.building import check_single_assets
from market.counterfactual import replace_future
from market.panel import Panel
from pipeline.audit import point_in_time as known
from pipeline.audit.certificate import Certificate, Leak
from pipeline.audit.differences import compare
from pipeline.audit.invariants import Checked, check_rules
from pipeline.audit.point_in_time import PointInTimeValue
from pipeline.audit.replay import of_run, replay
from pipeline.audit.units import check_units
from pipeline.errors import USER_ERRORS, LeakError, UnitError
from pipeline.own_data.features import feature_specs
from pipeline.own_data.reading import with_own_data
from pipeline.stages.compute import panel_of_features
from pipeline.stages.loading import reload, with_scores

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated

SHARE = 0.25
"""Position of the last cut through the whole pipeline, as a share of the evaluated span. A later cut costs more and
detects no more in code that treats all dates alike."""
INPUTS = ("data", "features", "labels", "schedule")
"""Stages that are cheap enough to check at further cuts."""

UNITS = "a feature depends on the unit of prices or volumes, which a later split or dividend changes."
REMEDY = (
    "Write it with ratios of prices and ratios of volumes of the same asset, add no constant to a price or a volume, "
    "and give NaN for the logarithm of a volume of 0 (docs/features.md)"
)
"""Advice about a feature that depends on a unit."""

Expected = dict[tuple[str, str], PointInTimeValue]
_See = Callable[[PointInTimeValue], None]


class _LeakFoundError(Exception):
    def __init__(self, leak: Leak) -> None:
        super().__init__(str(leak))
        self.leak = leak


@dataclass(frozen=True)
class Cut:
    """Row after which the future is removed or replaced.

    Attributes
    ----------
    row : int
        Last row that is kept.
    whole : bool
        Whether the whole pipeline is rerun, or only its inputs.
    """

    row: int
    whole: bool


def audit(done: Evaluated, tell: Callable[[int, int], None] | None = None) -> Certificate:
    """Rerun the pipeline in worlds that differ only after a cut, and compare the values known at the cut.

    Parameters
    ----------
    done : Evaluated
    tell : callable, optional
        Called with the number of finished worlds and their total.

    Raises
    ------
    FeatureError
        If nothing looks ahead, but a feature that is declared to see one asset sees others.
    """
    prepared = done.trained.prepared
    panel, config = prepared.panel, prepared.config
    expected: Expected = {(item.stage, item.name): item for item in of_run(done)}
    cuts = choose_cuts(done, config.audit.cuts)
    rules = list(check_rules(done))
    leaks = [_broken(rule, panel) for rule in rules if rule.row is not None]
    leaks += check_units(prepared, expected["features", "features"])
    for number, cut in enumerate(cuts):
        if leaks and number:
            break  # further worlds would only repeat the finding
        leaks += _compare_worlds(done, expected, cut)
        if tell is not None:
            tell(number + 1, len(cuts))
    if not leaks:
        check_single_assets(prepared.matrix, panel_of_features(panel), feature_specs(panel, config.data)[0])
    order = {stage: place for place, (stage, _) in enumerate(expected)}
    leaks.sort(key=lambda leak: order.get(leak.stage, -1))
    return Certificate(
        done.record().as_dict(),
        config.seed,
        tuple(
            {
                "date": f"{panel.dates[c.row]:%Y-%m-%d}",
                "row": c.row,
                "through": "portfolios" if c.whole else INPUTS[-1],
            }
            for c in cuts
        ),
        _checked(expected, cuts),
        tuple(_summed(rules)),
        tuple(leaks),
    )


def choose_cuts(done: Evaluated, n: int) -> tuple[Cut, ...]:
    """Return the cuts: `n` through the whole pipeline, and a few more through its inputs.

    Whole cuts alternate between rows at which the slowest model is refitted and rows at which the portfolio is
    decided. A label used one row too early shows only at the first kind, a covariance that includes one row too
    many only at the second. Inputs are also cut next to a date at which an asset is listed, delisted, enters or leaves
    the universe, and before the last row.
    """
    prepared = done.trained.prepared
    schedule, config, n_dates = prepared.schedule, prepared.config, len(prepared.panel.dates)
    slowest = max(
        (s.refit_every or config.walk_forward.refit_every for s in config.fitted_models().values()), default=1
    )
    refitted = np.array([fold.test[0] for fold in schedule.folds_for(slowest)])
    first = int(schedule.decisions[0]) + config.target.execution_lag + 1
    last = n_dates - 2
    whole = []
    for k in range(n):
        wanted = (
            first + int((last - first) * SHARE * (2 * k + 1) / (2 * n - 1)) if n > 1 else (first + last) // 2
        )
        kinds = (refitted, schedule.decisions) if k % 2 == 0 else (schedule.decisions, refitted)
        candidates = [int(rows[np.searchsorted(rows, wanted)]) for rows in kinds if wanted <= rows[-1]]
        # A short evaluation may have no later decision or refit; earlier decisions can still be compared.
        whole += [row for row in [*candidates, wanted] if first <= row <= last][:1]
    listed = prepared.panel.listed & prepared.panel.holdable
    changes = np.flatnonzero((listed[1:] != listed[:-1]).any(axis=1))
    changes = changes[(changes >= first) & (changes < last)]
    beside = [int(changes[len(changes) // 2]), int(changes[-1]) + 1] if len(changes) else []
    beside += _beside_delisting(prepared.panel, last)
    inputs = sorted({row for row in [*beside, last] if row >= first and row not in whole})
    return tuple([Cut(row, True) for row in sorted(set(whole))] + [Cut(row, False) for row in inputs])


def _beside_delisting(panel: Panel, last: int) -> list[int]:
    """Return the row of the last delisting return up to a row, where it is known, and the row before, where not."""
    if panel.delisted is None:
        return []
    begins = 1 + np.flatnonzero((panel.delisted[1:] & ~panel.delisted[:-1]).any(axis=1))
    return [int(row) - step for row in begins[begins <= last][-1:] for step in (1, 0)]


def _compare_worlds(done: Evaluated, expected: Expected, cut: Cut) -> Iterator[Leak]:
    """Yield the first difference of each world that has one."""
    prepared = done.trained.prepared
    panel, config = prepared.panel, prepared.config
    date = panel.dates[cut.row]
    # Noise for a year, then no change: a statistic over all dates reacts to both.
    tail = max(panel.periods_per_year, 2 * (config.target.horizon + config.target.execution_lag + 1))
    longer = panel.as_of(panel.dates[min(cut.row + tail, len(panel.dates) - 1)])
    worlds = {"removed": panel.as_of(date), "replaced": replace_future(longer, cut.row, config.seed)}
    for world, other in worlds.items():
        rerun = partial(replay, config, other, cut.row, whole=cut.whole)
        leak = _first_leak(expected, rerun, cut, world, panel.dates)
        if leak is not None:
            yield leak
    as_known = {(item.stage, item.name): item for item in known.of_data(panel.as_of(date))}
    leak = _first_leak(as_known, partial(_read_again, done, date), cut, "reread", panel.dates)
    if leak is not None:
        yield leak


def _read_again(done: Evaluated, date: pd.Timestamp, see: _See) -> None:
    """Show the data as the source returns it when it ends at a date."""
    prepared = done.trained.prepared
    panel = _with_assets(reload(prepared.config, date), prepared.panel)
    panel = with_scores(panel, prepared.config, date)[0]
    for item in known.of_data(
        with_own_data(panel, prepared.config.data, prepared.config.output, date, repeats=True)[0]
    ):
        see(item)


def _first_leak(
    expected: Expected, rerun: Callable[[_See], None], cut: Cut, world: str, dates: pd.DatetimeIndex
) -> Leak | None:
    """Return the first difference among the values that `rerun` shows."""
    cut_date = f"{dates[cut.row]:%Y-%m-%d}"

    def see(item: PointInTimeValue) -> None:
        leak = compare(expected[item.stage, item.name], item, cut.row, dates)
        if leak is not None:
            raise _LeakFoundError(replace(leak, world=world, cut=cut_date))

    try:
        rerun(see)
    except _LeakFoundError as found:
        return found.leak
    except USER_ERRORS as error:
        return Leak(world, cut_date, "pipeline", "a stage", cut_date, (), "done", f"an error ({error})")
    return None


def _with_assets(read: Panel, panel: Panel) -> Panel:
    """Return a panel with the columns of another: a file that ends early lacks the assets listed later."""
    place = {asset: i for i, asset in enumerate(read.assets)}
    columns = [place.get(asset, -1) for asset in panel.assets]

    def spread(values: Any) -> Any:
        nothing = False if values.dtype == np.bool_ else np.nan
        wide = np.column_stack([values, np.full(len(values), nothing)])
        return wide[:, columns]

    arrays: dict[str, Any] = {name: spread(values) for name, values in read.bars.items()}
    optional = {name: getattr(read, name) for name in ("volume", "traded", "member", "delisted")}
    arrays |= {name: spread(values) for name, values in optional.items() if values is not None}
    return replace(read, assets=panel.assets, returns=spread(read.returns), **arrays)


def _broken(rule: Checked, panel: Panel) -> Leak:
    date = f"{panel.dates[min(rule.row or 0, len(panel.dates) - 1)]:%Y-%m-%d}"
    return Leak(
        f"against the rule that {rule.rule}, at",
        date,
        rule.stage,
        rule.name,
        date,
        (),
        rule.expected,
        rule.found,
    )


def _summed(rules: Sequence[Checked]) -> Iterator[dict[str, Any]]:
    """Yield each rule once, with the number of its checks."""
    for text in dict.fromkeys(rule.rule for rule in rules):
        yield {"rule": text, "checked": sum(rule.count for rule in rules if rule.rule == text)}


def _checked(expected: Expected, cuts: Sequence[Cut]) -> tuple[dict[str, Any], ...]:
    """Return for each compared item the number of compared values and the digest of all values."""
    latest = {
        True: max((c.row for c in cuts if c.whole), default=-1),
        False: max((c.row for c in cuts), default=-1),
    }
    out = []
    for item in expected.values():
        last = latest[item.stage not in INPUTS]
        kept = int((item.rows <= last).sum())
        size = kept * int(np.prod(item.values.shape[1:], dtype=np.int64))
        out.append({"stage": item.stage, "name": item.name, "values": size, "digest": item.digest()})
    return tuple(out)


def refuse(certificate: Certificate) -> None:
    """Raise if a value looked ahead or depends on a unit.

    Raises
    ------
    LeakError
        Names the first value that looked ahead, and any dependence on a unit.
    UnitError
        Names the features that depend on the unit of prices or volumes, if there is no look-ahead.
    """
    ahead = [leak for leak in certificate.leaks if leak.kind == "look-ahead"]
    units = [leak for leak in certificate.leaks if leak.kind == "unit"]
    on_units = f"{UNITS} {'. '.join(map(str, units))}. {REMEDY}"
    if ahead:
        more = f" ({len(ahead)} worlds or rules show it)" if len(ahead) > 1 else ""
        raise LeakError(f"something looked ahead{more}. {ahead[0]}{f'. Also, {on_units}' if units else ''}")
    if units:
        raise UnitError(on_units)
