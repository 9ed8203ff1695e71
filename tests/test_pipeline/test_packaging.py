"""What is installed."""

import importlib.metadata
import tomllib
from pathlib import Path

from setuptools import find_packages

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "foundation",
    "market",
    "features",
    "validation",
    "models",
    "allocation",
    "backtest",
    "pipeline",
    "operations",
)


def test_each_room_belongs_to_this_distribution_alone():
    owners = importlib.metadata.packages_distributions()
    for room in ROOMS:
        assert set(owners[room]) == {"tangency"}, f"another installed package also brings {room!r}"


def test_every_room_is_packaged():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("__init__.py")}
    there = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    include = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(find_packages(str(ROOT), include=include)) == there
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(ROOMS)
