"""`tangency sync`: send the runs that have not reached MLflow because its server was down."""

from __future__ import annotations

import os
from pathlib import Path

import click

from foundation.counts import format_count
from pipeline.cli.group import EPILOG, config_option, tangency
from pipeline.cli.preparation import read_config


@tangency.command(epilog=EPILOG)
@config_option
def sync(path: Path) -> None:
    """Send the runs and decisions that MLflow has not received.

    MLflow is runs/mlflow.db, or the server of MLFLOW_TRACKING_URI. Runs are sent oldest first, with their original
    times, also if MLflow had them and lost them (the database was deleted or replaced by an older copy). No run is
    created twice. The exit code is 2 if a run could not be sent.
    """
    from operations.champion.registry.mirror import mirror
    from operations.errors import OperationsError
    from pipeline.errors import RecordError, TrackingError
    from pipeline.tracking.receipts import RECEIPT, pending_runs, run_folders
    from pipeline.tracking.send import deliver, missing_runs

    left: list[str] = []
    config = read_config(path)
    folders = pending_runs(config.output)
    if os.environ.get("MLFLOW_TRACKING_URI"):
        sent = [folder for folder in run_folders(config.output) if folder not in folders]
        for folder in missing_runs(sent):
            (folder / RECEIPT).unlink(missing_ok=True)
        folders = pending_runs(config.output)
    lost = sum((folder / RECEIPT).exists() for folder in folders)
    if lost:
        click.echo(
            f"{format_count(lost, 'run was', 'runs were')} sent before, but not found in the "
            "MLflow that is in use, and sent again"
        )
    for number, folder in enumerate(folders):
        try:
            deliver(folder)
            click.echo(f"sent {folder.name}")
        except RecordError as error:  # affects this run only
            left.append(str(error))
        except TrackingError as error:  # the remaining runs would fail too
            left.append(f"{len(folders) - number} wait, {folder.name} first: {error}")
            break
    if left:
        raise OperationsError("; ".join(left))
    n_decisions = mirror(config, check_server=True)
    if n_decisions:
        click.echo(f"the registry received {format_count(n_decisions, 'decision')}")
    if not folders and not n_decisions:
        click.echo("nothing waits to be sent")
