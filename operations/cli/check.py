"""Command `tangency check`: what a file holds, and what is wrong with it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.data_options import DataOptions, make_request
from pipeline.cli.group import check_output, tangency

if TYPE_CHECKING:
    from pipeline.file_check.examination import Examination

_EPILOG = (
    "Exit codes: 0 no finding or notes alone, 1 warnings, 2 fatal findings or a file that cannot be read."
)


@tangency.command("check", cls=DataOptions, epilog=_EPILOG)
@click.argument("files", type=click.Path(path_type=Path), metavar="[FILE]...", nargs=-1)
@click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path),
    help="Check the file of this configuration, as a run reads it.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object (docs/checks.md lists its keys)."
)
@click.option(
    "--html", type=click.Path(path_type=Path), callback=check_output, help="Also write this HTML page."
)
@click.option(
    "--fix",
    type=click.Path(path_type=Path),
    callback=check_output,
    help="Also write a cleaned copy, a new file, and beside it the list of what was done.",
)
def check_command(
    files: tuple[Path, ...],
    config: Path | None,
    as_json: bool,
    html: Path | None,
    fix: Path | None,
    **options: str | None,
) -> None:
    """Show what a FILE of prices or returns holds, and what is wrong with it.

    FILE is a CSV, Parquet or Excel file, a folder or a pattern such as 'prices/*.csv'; several are read together.
    With --config, values that changed since the version that `tangency update` recorded last are findings too.
    Nothing is fitted and nothing is counted as a trial. What the values are (prices, returns, percent) is inferred
    unless --values or a configuration says it.
    """
    from foundation.json_text import to_json
    from market.errors import DataError
    from pipeline.errors import ConfigError
    from pipeline.file_check.examination import examine_file, report_unreadable

    try:
        request = make_request(files, config, options)
        done = examine_file(request)
        if config is not None:
            done = _add_findings_of_config(done, config)
    except ConfigError as error:
        # Settings that are left open are chosen from all data of a configuration.
        if fix is not None or not isinstance(error.__cause__, DataError):
            raise
        done = report_unreadable(str(config), error.__cause__)
    if as_json:
        click.echo(to_json(done.as_dict()), nl=False)
    else:
        _print(done)
    if html is not None:
        _write_page(done, html, as_json)
    if fix is not None:
        from pipeline.file_check.repair import repair_file

        lines = repair_file(request, done, fix)
        for line in (*lines, f"{fix}: the cleaned copy; check it again") if not as_json else ():
            click.echo(line)
    sys.exit(done.exit_code)


def _add_findings_of_config(done: Examination, path: Path) -> Examination:
    """Return an examination with the findings about other files, and about what changed since the last record."""
    from operations.data.changed_values import find_changed_values
    from pipeline.config import load_config
    from pipeline.file_check.other_files import examine_other_files

    config = load_config(path)
    done, panel = examine_other_files(done, config)
    if panel is None:
        return done
    return replace(done, findings=(*done.findings, *find_changed_values(config, done.label, panel)))


def _write_page(done: Examination, html: Path, as_json: bool) -> None:
    from pipeline.file_check.page import render_examination
    from pipeline.files import write_whole

    write_whole(html, render_examination(done).encode())
    if not as_json:
        click.echo(str(html))


def _print(done: Examination) -> None:
    from rich.console import Console

    from pipeline.file_check.terminal import print_examination

    print_examination(Console() if sys.stdout.isatty() else Console(width=120), done)
