"""Command `tangency init`: a first configuration for a file."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.data_options import DataOptions, make_request
from pipeline.cli.group import EPILOG, check_output, tangency


@tangency.command("init", cls=DataOptions, epilog=EPILOG)
@click.argument("files", type=click.Path(path_type=Path), metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    callback=check_output,
    help="Configuration to write, a new file [configs/<name of FILE>.yaml].",
)
def init_command(files: tuple[Path, ...], out: Path | None, **options: str | None) -> None:
    """Write a short configuration for a FILE of prices or returns, which runs as it is.

    FILE is a CSV, Parquet or Excel file, a folder or a pattern such as 'prices/*.csv'; several are read together.
    Layout, frequency, span, cash and market are recognised, and the dates and windows follow from them. Before the
    file is written, all steps of a run up to its first model are tried. An existing file is never overwritten.
    """
    from pipeline.first_config.first_config import write_first_config

    for line in write_first_config(make_request(files, None, options), out):
        click.echo(line)
