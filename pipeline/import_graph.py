"""Import graph: which modules of the pipeline decide a stored result."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

ROOT = "run"
"""The module that makes every stored stage."""
NOT_DECIDING = {
    "audit": "its certificate is stored under the digest of the whole pipeline",
    "certificate": "its certificate is stored under the digest of the whole pipeline",
    "compilation": "it prints that kernels are being compiled",
    "evaluation": "scores are stored with what a run publishes, under the digest of the whole pipeline",
    "outputs": "it writes files",
    "plausibility": "it stops the run at a number that cannot be, and changes none",
    "progress": "it prints, and calls the function that makes a stage",
    "results": "it holds results and summarises them; summaries are published, under the digest of the whole pipeline",
}
"""Modules that `ROOT` imports and that decide no stored stage, each with the reason.

Whatever else `ROOT` imports, directly or not, is part of the code digest. A test runs the stages and checks that no
function of these modules, but for the reporter's, is called while a stored result is made.
"""

# Parsing the syntax tree of the pipeline takes 60 ms of each command, this takes 2 ms; a test compares the two.
_TYPE_CHECKING = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+.*\n|\n)*", re.MULTILINE)
_FROM_PACKAGE = re.compile(r"^[ \t]*from[ \t]+pipeline[ \t]+import[ \t]+(\([^)]*\)|.*)", re.MULTILINE)
_FROM_MODULE = re.compile(r"^[ \t]*(?:from|import)[ \t]+pipeline\.(\w+)", re.MULTILINE)


def imported_modules(source: str) -> set[str]:
    """Return the modules of the pipeline that a source text imports, wherever in it the import stands.

    Imports for type checking are left out: they are never executed.

    Parameters
    ----------
    source : str
        Text of a module, with imports written as the formatter writes them.

    Returns
    -------
    set of str
        Names without the package. A name that is imported from the package itself may be something else than a
        module.
    """
    executed = _TYPE_CHECKING.sub("", source)
    names = set(_FROM_MODULE.findall(executed))
    for listed in _FROM_PACKAGE.findall(executed):
        lines = [line.split("#")[0] for line in listed.strip("()").splitlines()]
        names.update(part.split()[0] for part in " ".join(lines).split(",") if part.strip())
    return names


def deciding_modules(package: Path, root: str = ROOT, excluded: Iterable[str] = NOT_DECIDING) -> list[Path]:
    """Return the files of the modules that `root` reaches by imports, without going through `excluded`, sorted.

    Parameters
    ----------
    package : Path
        Folder of the package `pipeline`.
    root : str
    excluded : iterable of str
    """
    reached: dict[str, list[Path]] = {}
    pending, left_out = [root], set(excluded)
    while pending:
        name = pending.pop()
        if name in reached or name in left_out:
            continue
        # Of a folder that is imported, all modules count.
        files = [package / f"{name}.py", *(package / name).rglob("*.py")]
        reached[name] = [path for path in files if path.is_file()]
        for path in reached[name]:
            pending += imported_modules(path.read_text(encoding="utf-8"))
    return [*sorted(path for files in reached.values() for path in files), package / "__init__.py"]
