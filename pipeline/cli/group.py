"""The group of all commands, and their shared options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipeline.endings import Commands

EPILOG = "Exit codes: 0 success, 2 an error that you can fix (one message names it), 130 interrupted."

_ALL_CODES = (
    "Exit codes: 0 success, 1 warnings (check) or something that failed, waits or is overdue (run-due, status), 2 an"
    " error that you can fix (one message names it), 130 interrupted."
)


class _AllCommands(Commands):
    """The group of all commands, whose text lists them by purpose."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write no second list in alphabetical order."""


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


@click.group(cls=_AllCommands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_ALL_CODES)
@click.version_option(package_name="tangency")
def tangency() -> None:
    """Turn a table of prices into validated forecasts and a portfolio.

    One YAML file describes a run. The result of each stage is stored and reused as long as its inputs are unchanged.

    \b
    tangency check     show what a file holds and what is wrong with it
    tangency init      write a first configuration for a file
    tangency config    print all settings of a configuration, and where each comes from

    \b
    tangency run       --config configs/industries.yaml    run all stages, and write runs/
    tangency train     fit all models along the walk-forward
    tangency audit     train, then check that nothing looked ahead
    tangency evaluate  train, then score forecasts and portfolios
    tangency report    evaluate, then write one HTML page
    tangency ui        open the tracked runs in the MLflow UI
    tangency sync      send runs that MLflow has not received
    tangency features  list the features and their definitions
    tangency compile   compile all numerical kernels ahead of time

    \b
    tangency update    record new data, and extend stored results
    tangency watch     poll the sources; update and predict when something is new
    tangency data      list, show and verify the recorded data
    tangency drift     measure what has changed since the champion was trained
    tangency retrain   train a challenger; it replaces the champion if it passes the gate
    tangency promote   make a run the champion by hand
    tangency rollback  restore the previous champion
    tangency predict   print the forecasts of the champion
    tangency allocate  print the target weights and trades of the champion
    tangency serve     serve the forecasts of the champion over HTTP
    tangency ledger    show and verify the record of trials and decisions

    \b
    tangency schedule  run the schedules of configs/; "schedule export" is for other schedulers
    tangency run-due   retrain what is due, then exit
    tangency status    show the state of each scheduled model
    """  # noqa: D301 (click wants the character)
