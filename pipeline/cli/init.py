"""Command `tangency init`: a first configuration for a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.data_options import DataOptions, make_request
from pipeline.cli.group import EPILOG, check_output, tangency

if TYPE_CHECKING:
    from pipeline.file_check.examination import Examination
    from pipeline.file_check.request import FileRequest
    from pipeline.first_config.recognition import Recognised


@tangency.command("init", cls=DataOptions, epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    callback=check_output,
    help="Configuration to write, a new file [configs/<name of FILE>.yaml].",
)
def init_command(file: Path, out: Path | None, **options: str | None) -> None:
    """Write a short configuration for a FILE of prices or returns, which runs as it is.

    Layout, frequency, span, cash and market are recognised, and the dates and windows follow from them. Before the
    file is written, all steps of a run up to its first fit are tried. An existing file is never overwritten.
    """
    from foundation.counts import format_count
    from pipeline.errors import RunError
    from pipeline.files import write_new
    from pipeline.first_config.recognition import recognise_columns
    from pipeline.first_config.rehearsal import rehearse
    from pipeline.first_config.writing import name_after

    request = make_request(file, None, options)
    target = out or Path("configs") / f"{name_after(_stem(file))}.yaml"
    if target.exists():
        raise RunError(f"{target} exists already, and is not overwritten: give another name by --out")
    done, taken = recognise_columns(request)
    text = _compose(request, done, taken, target)
    rehearse(text, target)
    write_new(target, text.encode())
    warnings = sum(finding.severity == "warning" for finding in done.findings)
    for each in taken:
        click.echo(f"data.{each.key}: {each.value} ({each.why})")
    if warnings:
        count = format_count(warnings, "warning")
        click.echo(f"{count} about the file: tangency check {file} shows {'it' if warnings == 1 else 'them'}")
    click.echo(f"{target}: next, make run CONFIG={target}")


def _compose(request: FileRequest, done: Examination, taken: list[Recognised], target: Path) -> str:
    """Return the text of the configuration."""
    from pipeline.defaults.completion import complete_content
    from pipeline.errors import RunError
    from pipeline.first_config.writing import write_first_config
    from pipeline.settings.data import DataSection

    fatal = next((finding for finding in done.findings if finding.severity == "fatal"), None)
    if fatal is not None:
        raise RunError(f"{fatal.text} (tangency check {request.path} lists all that it finds)")
    reasons = {key: (value, "as you said") for key, value in request.given.items()}
    reasons |= {each.key: (each.value, each.why) for each in taken}
    data = {"path": str(request.path), **{key: value for key, (value, _) in reasons.items()}}
    completion = complete_content({"name": target.stem, "data": data}, DataSection.model_validate(data))
    return write_first_config(target.stem, str(request.path), reasons, completion)


def _stem(file: Path) -> str:
    """Return the name of a file without its endings."""
    return file.name.split(".")[0] or file.name
