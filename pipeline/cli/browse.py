"""Commands that list features and open runs in MLflow's UI."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from pipeline.cli.group import EPILOG, config_option, tangency
from pipeline.cli.preparation import read_config


@tangency.command(epilog=EPILOG)
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), help="List its own data's features too."
)
def features(path: Path | None) -> None:
    """List all features with their definitions.

    A feature is one annotated function in the folder features/; docs/features.md shows how to add one. With a
    configuration, the features of its data.series and data.tables come first.
    """
    from rich.console import Console
    from rich.table import Table

    from features.catalogue import catalogue, dictionary

    rows = [*_own_features(path), *dictionary(catalogue())]
    table = Table(box=None, pad_edge=False)
    for heading in rows[0]:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _own_features(path: Path | None) -> list[dict[str, str]]:
    """Return the rows of the features of a configuration's series and tables."""
    if path is None:
        return []
    from rich.console import Console

    from features.catalogue import dictionary
    from pipeline.own_data.features import feature_specs
    from pipeline.progress import Reporter
    from pipeline.stages.loading import load_data

    config = read_config(path)
    if not config.data.series and not config.data.tables:
        return []
    specs, own = feature_specs(load_data(config, Reporter(Console(quiet=True)))[0], config.data)
    return dictionary(own, specs)


@tangency.command(epilog=EPILOG)
@config_option
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
def ui(path: Path, port: int) -> None:
    """Serve the MLflow UI on loopback until interrupted."""
    from pipeline.serving import serve_until_interrupted
    from pipeline.tracking import database as tracking

    config = read_config(path)
    command = tracking.serve_ui(config.output, config.name, port)
    click.echo(f"http://127.0.0.1:{port}/{tracking.runs_page(config.output, config.name)}")
    click.echo("ready in a few seconds; Ctrl-C ends it")
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    serve_until_interrupted(command, environment)
