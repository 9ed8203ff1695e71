"""Command `tangency config`: the full configuration in effect."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.group import EPILOG, tangency


@tangency.command("config", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
def config_command(file: Path) -> None:
    """Print all settings of a configuration FILE as YAML, and where each comes from.

    A setting of the file has no comment. The others are a default, or were chosen by the frequency, span and number of
    assets of the data. The printed text is a configuration itself: it describes the same run.
    """
    from pipeline.config import read_config_file
    from pipeline.config_files.document import read_document
    from pipeline.export.full_config import write_full_config

    completed = read_config_file(file)
    config = completed.config
    completion = completed.completion
    content = read_document(file).content
    choices = () if completion is None else completion.choices
    origin = "all settings that depend on data are given" if completion is None else completion.facts
    click.echo(f"# {file}: {origin}")
    click.echo(write_full_config(config, content, choices), nl=False)
