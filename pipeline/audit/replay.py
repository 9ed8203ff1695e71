"""Replay: execute the sequence of a run on another panel. Nothing is stored or printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from foundation.threads import one_thread
from market.panel import Panel
from pipeline.audit.point_in_time import PointInTimeValue, values_of
from pipeline.config import RunConfig
from pipeline.stages.compute import Start
from pipeline.stages.schedule import Schedule
from pipeline.stages.sequence import Sequence

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated

T = TypeVar("T")


def of_run(done: Evaluated) -> Iterator[PointInTimeValue]:
    """Yield the values of a run, in the order of its stages."""
    for name in done.stages:
        yield from values_of(name, done.stages, done.trained.prepared.config)


def replay(
    config: RunConfig,
    panel: Panel,
    until: int,
    see: Callable[[PointInTimeValue], None],
    *,
    whole: bool,
) -> None:
    """Run the stages on a panel, without folds and decisions after row `until`.

    Parameters
    ----------
    config : RunConfig
    panel : Panel
    until : int
    see : callable
        Called with each value as soon as its stage is computed. It may raise to stop the replay.
    whole : bool
        Whether to go on after the schedule.
    """

    def run_stage(name: str, make: Callable[[Start], T], done: Mapping[str, Any]) -> T:
        value: Any = make(Start())
        if isinstance(value, Schedule):
            value = value.up_to(until)
        for item in values_of(name, {**done, name: value}, config):
            see(item)
        return cast("T", value)

    sequence = Sequence(config, run_stage)
    with one_thread():
        prepared = sequence.prepare(panel)
        if whole:
            sequence.simulate(sequence.train(prepared))
