"""Replay: rerun the stages of a run on another panel, and yield each result as soon as it is computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from foundation.threads import one_thread
from market.panel import Panel
from models.parallel.executor_choice import open_executor
from pipeline.audit import point_in_time as known
from pipeline.audit.point_in_time import PointInTimeValue
from pipeline.config import RunConfig
from pipeline.stages import compute as stages
from pipeline.stages import schedule as timetable
from pipeline.stages import trading
from pipeline.store import code_digest

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated


def refits(config: RunConfig) -> dict[str, int | None]:
    """Return each fitted model's own refit schedule."""
    return {name: section.refit_every for name, section in config.fitted_models().items()}


def of_run(done: Evaluated) -> Iterator[PointInTimeValue]:
    """Yield the values of a run, in the order of `replay`."""
    trained, prepared = done.trained, done.trained.prepared
    panel, schedule = prepared.panel, prepared.schedule
    yield from known.of_data(panel)
    yield from known.of_features(prepared.matrix, panel.assets)
    yield from known.of_schedule(schedule, panel.assets, refits(prepared.config))
    yield from known.of_regimes(trained.regimes)
    yield from known.of_covariances(trained.covariances, schedule.decisions, panel.assets)
    for name in prepared.config.fitted_models():
        yield from known.of_walk(trained.walks[name], trained.names, panel.assets)
    for forecast in trained.forecasts.values():
        yield from known.of_forecast(forecast, panel.assets)
    for result in done.results.values():
        yield from known.of_portfolio(result, panel.assets)


def replay(config: RunConfig, panel: Panel, until: int, *, whole: bool) -> Iterator[PointInTimeValue]:
    """Yield the values that the stages compute from a panel, without folds and decisions after row `until`.

    Nothing is stored or printed. The caller may stop early; later stages are then not computed. Unless `whole`, the
    replay ends with the schedule.
    """
    with one_thread():
        yield from known.of_data(panel)
        matrix = stages.make_features(panel, config)
        yield from known.of_features(matrix, panel.assets)
        schedule = timetable.make_schedule(panel, matrix, config).up_to(until)
        yield from known.of_schedule(schedule, panel.assets, refits(config))
        if not whole:
            return
        regimes = stages.make_regimes(matrix, schedule, config)
        yield from known.of_regimes(regimes)
        covariances = trading.make_covariances(panel, schedule, regimes, config)
        yield from known.of_covariances(covariances, schedule.decisions, panel.assets)
        data = stages.make_dataset(panel, matrix, regimes, schedule, config)
        fitted = {}
        with open_executor(config.executor, config.workers, code_digest) as executor:
            for name, section in config.fitted_models().items():
                walk = stages.walk_model(name, section, data, schedule, config, executor=executor)
                yield from known.of_walk(walk, data.names, panel.assets)
                fitted[name] = walk
        forecasts = stages.make_forecasts(stages.combine(fitted, schedule, config), schedule, config)
        for forecast in forecasts.values():
            yield from known.of_forecast(forecast, panel.assets)
        policies = trading.make_policies(panel, schedule, forecasts, covariances, regimes, config)
        for name, policy in policies.items():
            yield from known.of_portfolio(
                trading.backtest(name, policy, panel, schedule, config), panel.assets
            )
