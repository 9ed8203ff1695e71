"""Everything that is installed is pinned by hash, and everything that users run has a known, free licence."""

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
COPYLEFT = re.compile(r"\b(A?GPL|LGPL|SSPL|BUSL|EUPL|OSL|CC-BY-(SA|NC)|Commons-Clause)", re.IGNORECASE)
DECLARED = {
    "MIT": {"mit"},
    "Apache-2.0": {"apache 2.0", "apache software license"},
    "BSD-2-Clause": {"bsd", "bsd license", "2-clause bsd", "bsd 2-clause license"},
    "BSD-3-Clause": {"bsd license", "bsd 3-clause license", "3-clause bsd license"},
    "PSF-2.0": {"python software foundation license"},
    "MPL-2.0": {"mozilla public license 2.0 (mpl 2.0)"},
    "Apache-2.0 OR BSD-3-Clause": {"dual license", "bsd license", "apache software license"},
}
"""What packages write that do not give an SPDX expression, by the licence that is meant."""
UNDECLARED = {"huey", "skops"}
"""Packages whose metadata names no licence; their licence files were read."""


def find_runtime_packages() -> dict[str, importlib.metadata.Distribution]:
    """Return what is installed for users of Tangency on this platform, by canonical name."""
    found: dict[str, importlib.metadata.Distribution] = {}
    visited: set[tuple[str, str]] = set()
    waiting = [("tangency", "")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in visited:
            continue
        visited.add((name, extra))
        found[name] = importlib.metadata.distribution(name)
        for text in found[name].requires or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(needed.name), e) for e in ("", *needed.extras)]
    del found["tangency"]
    return found


def read_licences() -> dict[str, str]:
    """Return the table of docs/supply_chain.md."""
    text = (ROOT / "docs" / "supply_chain.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| ([a-z0-9-]+) \| (.+) \|$", text, re.MULTILINE))


def read_declared(package: importlib.metadata.Distribution) -> set[str]:
    """Return the licences that a package declares, in any of the three ways in which packages do it."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return {expression}
    classifiers = [c for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    first_line = (metadata.get("License") or "").split("\n")[0]
    return {first_line.strip(), *(c.split(" :: ")[-1] for c in classifiers)} - {""}


def test_the_table_of_licences_lists_what_users_run():
    installed, listed = set(find_runtime_packages()), set(read_licences())
    assert installed <= listed
    if sys.platform == "linux":  # other systems may need fewer
        assert listed <= installed


@pytest.mark.parametrize("name", sorted(read_licences()))
def test_a_package_declares_the_licence_of_the_table(name):
    licence = read_licences()[name]
    assert not COPYLEFT.search(licence)
    declared = read_declared(importlib.metadata.distribution(name))
    assert not any(COPYLEFT.search(text) for text in declared)
    if name in UNDECLARED:
        assert declared <= {"OSI Approved"}
    else:
        known = {licence.lower(), f"{licence} license".lower(), *DECLARED.get(licence, ())}
        assert known & {text.lower() for text in declared}, declared


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "LGPL-2.1", "AGPL-3.0-or-later", "MIT AND GPL-2.0-only"])
def test_a_copyleft_licence_is_recognised(licence):
    assert COPYLEFT.search(licence)


@pytest.mark.parametrize("lock", ["requirements.lock", "uv-tool.lock"])
def test_each_locked_version_has_hashes_and_no_registry(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    for entry in entries:
        first, *rest = entry.splitlines()
        assert re.match(r"[a-z0-9-]+==\S+", first), first
        assert rest, f"{first} has no hash"
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in rest)
    assert "://" not in text


def test_the_lock_holds_every_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    locked = dict(
        re.findall(r"^([a-z0-9-]+)==([^ ;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    for needed in map(Requirement, declared):
        assert needed.specifier.contains(locked[canonicalize_name(needed.name)]), needed


def test_setup_installs_with_hashes():
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    installs = [line for line in lines if re.search(r"(pip sync|--requirement)\b", line)]
    assert len(installs) == 4
    assert all("--require-hashes" in line for line in installs)
    own = [line for line in lines if "--editable ." in line]
    assert len(own) == 2
    assert all("--no-build-isolation" in line for line in own), "setuptools would come without a hash"
