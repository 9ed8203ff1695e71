"""`tangency sync`: send the runs that MLflow has not been told of, because its server was away."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli import EPILOG, config_option, read_config, tangency


@tangency.command(epilog=EPILOG)
@config_option
def sync(path: Path) -> None:
    """Send the runs and decisions that MLflow could not be told of when they were made.

    All runs in the output folder of the configuration are sent that MLflow (runs/mlflow.db, or MLFLOW_TRACKING_URI)
    has not been told of to the end, the oldest first, with the times at which they were made. Sending one twice, or
    going on where a killed sender stopped, makes no second run. Exit code 2 if any still waits.
    """
    from operations.errors import OperationsError
    from operations.registry import mirror
    from pipeline.errors import RecordError, TrackingError
    from pipeline.outbox import waiting
    from pipeline.sending import deliver

    left: list[str] = []
    config = read_config(path)
    folders = waiting(config.output)
    for number, folder in enumerate(folders):
        try:
            deliver(folder)
            click.echo(f"sent {folder.name}")
        except RecordError as error:  # of this run alone
            left.append(str(error))
        except TrackingError as error:  # the others would fare no better
            left.append(f"{len(folders) - number} wait, {folder.name} first: {error}")
            break
    if left:
        raise OperationsError("; ".join(left))
    told = mirror(config)
    if told:
        click.echo(f"told the registry {told} decisions")
    if not folders and not told:
        click.echo("nothing waits to be sent")
