"""Import graph: the modules of the pipeline that affect a stored result."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

ROOT = "runner.pipeline"
"""Module that computes every stored stage."""
NOT_DECIDING = {
    "audit.certificate": "its certificate is stored under the digest of the whole pipeline",
    "progress": "it prints, and calls the function that makes a stage",
    "runner.certification": "its certificate is stored under the digest of the whole pipeline",
    "runner.compilation": "it prints that kernels are being compiled",
    "runner.descriptions": "it words the lines that stages print",
    "stages.evaluation": "scores are stored with the artifacts of a run, under the digest of the whole pipeline",
    "stages.plausibility": "it stops the run at a number that cannot be, and changes none",
    "stages.results": "it holds results and summarises them; summaries are artifacts, under the digest of the whole "
    "pipeline",
}
"""Modules that `ROOT` imports and that affect no stored stage, each with the reason.

All other direct and indirect imports of `ROOT` are part of the code digest. A test runs the stages and checks that no
function of these modules, except the reporter's, is called while a stored result is computed."""

DISCOVERED = ("strategies.kinds",)
"""Folders whose modules are imported by scanning the folder: all of them count."""

# Parsing the syntax tree of the pipeline takes 60 ms per command, this takes 2 ms; a test compares the two.
_TYPE_CHECKING = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+.*\n|\n)*", re.MULTILINE)
_FROM = re.compile(r"^[ \t]*from[ \t]+pipeline((?:\.\w+)*)[ \t]+import[ \t]+(\([^)]*\)|.*)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+pipeline((?:\.\w+)+)", re.MULTILINE)


def _imported_modules(source: str) -> set[str]:
    """Return the modules of the pipeline that a source text imports, at any place in it.

    Imports for type checking are left out, since they are never executed.

    Parameters
    ----------
    source : str
        Text of a module, with imports as the formatter writes them.

    Returns
    -------
    set of str
        Names without the package, such as "stages.compute". Names imported from a module are included, since each
        could be a module of a folder.
    """
    executed = _TYPE_CHECKING.sub("", source)
    names = {name[1:] for name in _IMPORT.findall(executed)}
    for base, listed in _FROM.findall(executed):
        lines = [line.split("#")[0] for line in listed.strip("()").splitlines()]
        members = [part.split()[0] for part in " ".join(lines).split(",") if part.strip()]
        names |= {f"{base}.{member}"[1:] for member in members} | ({base[1:]} if base else set())
    return names


def deciding_modules(package: Path, root: str = ROOT, excluded: Iterable[str] = NOT_DECIDING) -> list[Path]:
    """Return the files of the modules that `root` reaches by imports, without passing through `excluded`, sorted.

    Parameters
    ----------
    package : Path
        Folder of the package `pipeline`.
    root : str
    excluded : iterable of str
    """
    reached: set[Path] = {package / "__init__.py"}
    pending, left_out = [root], {_file_of(package, name) for name in excluded}
    while pending:
        name = pending.pop()
        path = _file_of(package, name)
        if path is None or path in reached:
            continue
        if "." in name:  # importing a module executes the __init__.py of its folder
            pending.append(name.rpartition(".")[0])
        if path not in left_out:
            reached.add(path)
            pending += _imported_modules(path.read_text(encoding="utf-8"))
        if name in DISCOVERED:
            pending += _modules_below(package, path.parent)
    return sorted(reached)


def _modules_below(package: Path, folder: Path) -> list[str]:
    """Return the names of all modules below a folder of the package."""
    return [".".join(path.relative_to(package).with_suffix("").parts) for path in folder.rglob("*.py")]


def _file_of(package: Path, name: str) -> Path | None:
    """Return the file of a module or a folder of modules; None if the name is neither."""
    path = package.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)
