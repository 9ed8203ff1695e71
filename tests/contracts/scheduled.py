"""Configurations with a schedule, for jobs that the tests bring: nothing of them is ever loaded or fitted."""

import datetime as dt
from pathlib import Path

import yaml

from pipeline.config import RunConfig

TEXT = """
name: {name}
data: {{source: industries}}
target: {{horizon: 1, execution_lag: 0, risk_window: 24}}
walk_forward: {{first_test: 1955-01-01, refit_every: 12}}
regimes: {{min_train: 120}}
models: {{mean: {{kind: mean}}}}
allocation: {{forecast: mean, rebalance_every: 1, covariance_window: 60, min_history: 24}}
cost_rate: 0.001
evaluation: {{start: 1960-01-01}}
output: {output}
"""


def scheduled_text(output: Path, name: str = "mine", **schedule) -> str:
    """Return a configuration file; `schedule` replaces the settings of its schedule."""
    section = {"cron": "0 6 * * *"} | schedule
    return TEXT.format(name=name, output=output) + yaml.safe_dump({"schedule": section})


def scheduled(output: Path, name: str = "mine", **schedule) -> RunConfig:
    """Return a configuration; `schedule` replaces the settings of its schedule."""
    return RunConfig.model_validate(yaml.safe_load(scheduled_text(output, name, **schedule)))


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now

    def go(self, **span) -> dt.datetime:
        self.now += dt.timedelta(**span)
        return self.now
