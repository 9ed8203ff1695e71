"""First configuration: recognise a file, compose its configuration, try it, and write it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from foundation.counts import format_count
from pipeline.defaults.completion import complete_content
from pipeline.errors import RunError
from pipeline.file_check.examination import Examination
from pipeline.file_check.request import FileRequest
from pipeline.files import write_new
from pipeline.first_config.recognition import Recognised, recognise_columns
from pipeline.first_config.rehearsal import rehearse
from pipeline.first_config.writing import compose_text, name_after
from pipeline.settings.data import DataSection


def write_first_config(request: FileRequest, out: Path | None) -> Iterator[str]:
    """Write a configuration for a file, and yield the lines to print.

    Parameters
    ----------
    request : FileRequest
    out : Path or None
        Where to write; None is configs/ and the name of the file.

    Raises
    ------
    RunError
        If the configuration exists already, the file has a fatal finding, or a run would stop.
    """
    stem = name_after(request.path.name.split(".")[0])
    target = out or Path("configs") / f"{stem}.yaml"
    if target.exists():
        raise RunError(f"{target} exists already, and is not overwritten: give another name by --out")
    done, taken = recognise_columns(request)
    text = _compose(request, done, taken, name_after(target.stem))
    rehearse(text, target)
    try:
        write_new(target, text.encode())
    except FileExistsError as error:
        raise RunError(f"{target} exists already, and is not overwritten") from error
    yield from (f"data.{each.key}: {each.value} ({each.why})" for each in taken)
    warnings = sum(finding.severity == "warning" for finding in done.findings)
    if warnings:
        count = format_count(warnings, "warning")
        yield f"{count} about the file: tangency check {request.path} shows {'it' if warnings == 1 else 'them'}"
    yield f"{target}: next, make run CONFIG={target}"


def _compose(request: FileRequest, done: Examination, taken: Sequence[Recognised], name: str) -> str:
    """Return the text of the configuration."""
    fatal = next((finding for finding in done.findings if finding.severity == "fatal"), None)
    if fatal is not None:
        raise RunError(f"{fatal.message} (tangency check {request.path} lists all that it finds)")
    reasons = {key: (value, "as you said") for key, value in request.given.items()}
    reasons |= {each.key: (each.value, each.why) for each in taken}
    data = {"path": str(request.path), **{key: value for key, (value, _) in reasons.items()}}
    completion = complete_content({"name": name, "data": data}, DataSection.model_validate(data))
    return compose_text(name, str(request.path), reasons, completion)
