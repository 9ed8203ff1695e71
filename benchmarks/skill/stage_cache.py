"""Stage cache: features, regimes and walks of the board's panels, kept for as long as the code that makes them.

The store of a run drops every result when an allocator changes. The board compares allocators on the same forecasts, so
its keys cover only the code that forecasts depend on.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.runner.keys import FEATURES, MODEL, REGIMES
from pipeline.stages.compute import Start
from pipeline.store import Store
from pipeline.store.digests import LIBRARIES, installed

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(os.environ.get("SKILL_BOARD", ROOT / "benchmarks" / "results" / "skill"))
"""Folder of stored results; the environment variable SKILL_BOARD names another, such as that of another checkout."""
KEEP = "SKILL_KEEP"
"""Environment variable: if set to 1, forecasts of older code are used, with a notice, and not made again."""
_FORECASTING = (
    "foundation",
    "market",
    "features",
    "models",
    "validation/folds",
    "pipeline/stages/compute.py",
    "pipeline/stages/schedule.py",
    "pipeline/settings/models.py",
)
"""Code that features, regimes and walks depend on."""


@functools.cache
def forecasting_code() -> str:
    """Return the SHA-256 of the code and the libraries that forecasts depend on."""
    sha = hashlib.sha256(sys.version.encode())
    for library in LIBRARIES:
        sha.update(f"{library}=={installed(library)}".encode())
    for part in _FORECASTING:
        place = ROOT / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            sha.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return sha.hexdigest()


class StageCache:
    """Runs the stages of a `Sequence`: takes what is fitted from the board's store, and computes the rest.

    Parameters
    ----------
    config : RunConfig
    folder : Path

    Attributes
    ----------
    made : list of str
        Stages that were not in the store.
    notice : str
        What is said if forecasts of older code are used, else "".
    """

    def __init__(self, config: RunConfig, folder: Path = RESULTS) -> None:
        self.config, self.store = config, Store(folder / "store")
        self.made: list[str] = []
        self.notice = ""
        self._code = forecasting_code()
        self._marker = folder / "code" / f"{config.name}.txt"
        if os.environ.get(KEEP) == "1" and self._marker.exists():
            kept = self._marker.read_text(encoding="utf-8").strip()
            if kept != self._code:
                self.notice = f"{config.name}: forecasts of older code ({kept[:8]}, now {self._code[:8]})"
            self._code = kept

    def __call__(self, name: str, make: Callable[[Start], T], done: Mapping[str, Any]) -> T:
        """Return the result of a stage."""
        kind, _, which = name.partition(" ")
        if kind not in (FEATURES, REGIMES, MODEL):
            return make(Start())
        value, reused = self.store.get(kind, self._key(kind, which, done["data"]), lambda: make(Start()))
        if not reused:
            self.made.append(name)
        return value

    def mark(self) -> None:
        """Record by which code the forecasts of this panel were made."""
        self._marker.parent.mkdir(parents=True, exist_ok=True)
        self._marker.write_text(self._code + "\n", encoding="utf-8")

    def _key(self, kind: str, which: str, panel: Panel) -> str:
        config = self.config
        parts = [self._code, _digest_of(panel), config.features.model_dump_json()]
        if kind != FEATURES:
            parts.append(config.model_dump_json(include={"target", "walk_forward", "regimes", "seed"}))
        if kind == MODEL:
            parts += [which, config.fitted_models()[which].model_dump_json()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@functools.lru_cache(maxsize=1)
def _digest_of(panel: Panel) -> str:
    return panel.digest()
