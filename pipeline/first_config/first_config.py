"""First configuration: recognise a file, compose its configuration, try it, and write it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from foundation.counts import format_count
from market.sources.kinds import Files
from pipeline.defaults.completion import complete_content
from pipeline.errors import RunError
from pipeline.export.full_config import write_value
from pipeline.file_check.examination import Examination, describe_finding
from pipeline.file_check.request import FileRequest
from pipeline.files import write_new
from pipeline.first_config.recognition import Recognised, recognise_columns
from pipeline.first_config.rehearsal import rehearse
from pipeline.first_config.writing import compose_text, name_after
from pipeline.settings.data import DataSection

_SHOWN = 3
"""Files that the command of the check names."""


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
    target = out or Path("configs") / f"{name_after(_name_files(_list_paths(request)))}.yaml"
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
        yield f"{count} about the file: {_check_command(request)} shows {'it' if warnings == 1 else 'them'}"
    yield f"{target}: next, make run CONFIG={target}"


def _compose(request: FileRequest, done: Examination, taken: Sequence[Recognised], name: str) -> str:
    """Return the text of the configuration."""
    fatal = next((finding for finding in done.findings if finding.severity == "fatal"), None)
    if fatal is not None:
        raise RunError(f"{describe_finding(fatal)} ({_check_command(request)} lists all that it finds)")
    reasons = {key: (value, "as you said") for key, value in request.given.items()}
    reasons |= {each.key: (each.value, each.why) for each in taken}
    paths = [str(path) for path in _list_paths(request)]
    path = paths[0] if len(paths) == 1 else paths
    data = {"path": path, **{key: value for key, (value, _) in reasons.items()}}
    completion = complete_content({"name": name, "data": data}, DataSection.model_validate(data))
    return compose_text(name, path, reasons, completion)


def _name_files(paths: Sequence[Path]) -> str:
    """Return a name after a file, after a folder or that of a pattern, or after the folder of several files."""
    if len(paths) == 1 and not paths[0].is_dir():
        plain = [part for part in paths[0].parts if not set(part) & set("*?[")]
        return plain[-1].split(".")[0] if plain else ""
    folder = paths[0] if len(paths) == 1 else paths[0].parent
    return folder.resolve().name


def _check_command(request: FileRequest) -> str:
    """Return the command that shows all findings."""
    paths = [shlex.quote(str(path)) for path in _list_paths(request)]
    shown = paths if len(paths) <= _SHOWN else [*paths[:_SHOWN], "..."]
    given = (
        (key, value if isinstance(value, str) else write_value(value)) for key, value in request.given.items()
    )
    options = (f"--{key.replace('_', '-')} {shlex.quote(text)}" for key, text in given)
    return " ".join(["tangency check", *shown, *options])


def _list_paths(request: FileRequest) -> tuple[Path, ...]:
    return request.source.paths if isinstance(request.source, Files) else ()
