"""What is installed, and what the lock promises."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("market", "features", "validation", "models", "allocation", "backtest", "pipeline", "operations")


def test_each_room_belongs_to_this_distribution_alone():
    owners = importlib.metadata.packages_distributions()
    for room in ROOMS:
        assert set(owners[room]) == {"tangency"}, f"another installed package also brings {room!r}"


def test_every_room_is_packaged():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = [path.parent for room in ROOMS for path in (ROOT / room).rglob("__init__.py")]
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(project["tool"]["setuptools"]["packages"]) == found
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(ROOMS)


def test_the_lock_pins_every_dependency_and_names_no_host():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.lock").read_text()
    pinned = {re.split(r"[=\s;]", line)[0] for line in lock.splitlines() if line}
    wanted = {
        re.split(r"[<>=]", line)[0].strip()
        for line in (*project["dependencies"], *project["optional-dependencies"]["dev"])
    }
    assert wanted <= pinned
    assert all(re.fullmatch(r"[a-z0-9-]+==[^ ]+( ; .*)?", line) for line in lock.splitlines() if line)
    assert "://" not in lock
