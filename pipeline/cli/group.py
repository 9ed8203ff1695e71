"""The group of all commands, and their shared options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipeline.endings import Commands

EPILOG = "Exit codes: 0 done, 2 something of yours to mend (one message says what), 130 interrupted."


config_option = click.option(
    "--config",
    "-c",
    "path",
    type=click.Path(path_type=Path),
    default=Path("configs/industries.yaml"),
    show_default=True,
    help="Configuration file of the run.",
)


def check_output(
    _context: click.Context, _option: click.Parameter, given: Path | tuple[Path, ...] | None
) -> Any:
    """Refuse files that cannot be written, before the run computes anything: a callback of options."""
    from pipeline.config_files.paths import output_mistake
    from pipeline.config_files.text import show_name

    for path in given if isinstance(given, tuple) else (given,):
        wrong = "" if path is None else output_mistake(path)
        if wrong:
            raise click.BadParameter(f"{show_name(str(path))}: {wrong}")
    return given


def run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of commands that run stages: the configuration, and whether stored stages are reused."""
    fresh = click.option("--fresh", is_flag=True, help="Ignore stored stages and compute everything again.")
    return config_option(fresh(command))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(package_name="tangency")
def tangency() -> None:
    """Turn a table of prices into validated forecasts and a portfolio.

    A run is described by one YAML file. Its stages build on one another and are kept: a stage whose inputs did
    not change is not run again.

    \b
    tangency run       --config configs/industries.yaml    everything, written to runs/
    tangency train     fit all models along the walk-forward
    tangency audit     train, then prove that nothing looked ahead
    tangency evaluate  train, then score forecasts and portfolios
    tangency report    evaluate, then write one HTML page
    tangency ui        serve the tracked runs in MLflow
    tangency sync      send runs that MLflow was not there for
    tangency features  list the features and their definitions
    tangency compile   compile all numerical kernels now, so that nothing waits later

    \b
    tangency update    record new data, go on with what was computed
    tangency data      list, show and verify what was recorded
    tangency drift     what is no longer as when the champion was trained
    tangency retrain   train a challenger; it replaces the champion if it passes the gate
    tangency promote   make a run champion by hand, for the record
    tangency rollback  back to the champion before
    tangency predict   forecasts of the champion
    tangency allocate  target weights and trades of the champion
    tangency serve     answer for the champion over HTTP
    tangency ledger    what was tried and decided, and whether its record is whole

    \b
    tangency schedule  keep the schedules of configs/; schedule export is for other schedulers
    tangency run-due   retrain what is due, and go
    tangency status    how each scheduled model stands
    """  # noqa: D301 (click wants the character)
