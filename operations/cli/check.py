"""Command `tangency check`: what a file holds, and what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.group import tangency

if TYPE_CHECKING:
    from pipeline.file_check.examination import Examination
    from pipeline.file_check.request import FileRequest

_EPILOG = (
    "Exit codes: 0 no finding or notes alone, 1 warnings, 2 fatal findings or a file that cannot be read."
)


class DataOptions(click.Command):
    """A command that also takes each key of the section `data` as an option; they are imported when they are needed."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the own parameters and the keys of the section."""
        from pipeline.file_check.request import NOT_OPTIONS
        from pipeline.settings.data import DataSection

        keys = [key for key in DataSection.model_fields if key not in NOT_OPTIONS]
        text = "As data.{} in a configuration."
        named = [
            click.Option([f"--{key.replace('_', '-')}"], metavar="VALUE", help=text.format(key))
            for key in keys
        ]
        own = super().get_params(ctx)
        return [*own[:-1], *named, own[-1]]  # the last one is --help


@tangency.command("check", cls=DataOptions, epilog=_EPILOG)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path),
    help="Check the file of this configuration, as a run reads it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object (docs/data.md lists its keys).")
def check_command(file: Path | None, config: Path | None, as_json: bool, **options: str | None) -> None:
    """Show what a file of prices or returns holds, and what is wrong with it.

    Nothing is fitted and nothing is counted as a trial. What the values are (prices, returns, percent) is inferred
    unless --values or a configuration says it.
    """
    from foundation.json_text import to_json
    from pipeline.file_check.examination import examine_file

    done = examine_file(make_request(file, config, options))
    if as_json:
        click.echo(to_json(done.as_dict()), nl=False)
    else:
        _print(done)
    sys.exit(done.exit_code)


def make_request(file: Path | None, config: Path | None, options: dict[str, str | None]) -> FileRequest:
    """Return the request that an argument, a configuration and options make.

    Raises
    ------
    UsageError
        If neither a file nor a configuration is given, or a configuration beside others.
    """
    from pipeline.file_check.request import request_by_config, request_by_options

    given = {key: text for key, text in options.items() if text is not None}
    if file is not None and config is None:
        return request_by_options(file, given)
    if file is not None or config is None:
        raise click.UsageError("give a FILE, or --config with a configuration that names one")
    if given:
        names = ", ".join(f"--{key.replace('_', '-')}" for key in given)
        raise click.UsageError(f"{names}: the configuration says how to read its file; leave the options out")
    from pipeline.config import load_config

    return request_by_config(load_config(config))


def _print(done: Examination) -> None:
    from rich.console import Console

    from pipeline.file_check.terminal import print_examination

    print_examination(Console() if sys.stdout.isatty() else Console(width=120), done)
