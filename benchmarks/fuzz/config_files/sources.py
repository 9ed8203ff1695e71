"""Initial configurations: the shipped ones, and random ones from the search over settings."""

from __future__ import annotations

import functools
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "contracts"))

from random_settings import configurations  # noqa: E402
from search_panels import PANELS, write_panel  # noqa: E402

POOL = 20
"""Number of random configurations per panel."""


@functools.cache
def load_sources() -> list[tuple[str, str]]:
    """Return names and texts of configurations, most of which are valid."""
    shipped = [
        (path.name, path.read_text(encoding="utf-8")) for path in sorted((ROOT / "configs").glob("*.yaml"))
    ]
    drawn = [
        (f"random {n}", yaml.safe_dump(each, sort_keys=False)) for n, each in enumerate(_random_contents())
    ]
    return shipped * max(1, len(drawn) // len(shipped)) + drawn


def _random_contents() -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        for number, name in enumerate(PANELS):
            panel = write_panel(name, Path(place))

            @seed(number)
            @settings(
                max_examples=POOL,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(content=configurations(panel))
            def draw(content: dict[str, Any]) -> None:
                contents.append(deepcopy(content))

            draw()
    # The folder's name is random, but a case must be reproducible.
    return [
        yaml.load(yaml.dump(each, Dumper=yaml.CSafeDumper).replace(place, "/data"), Loader=yaml.CSafeLoader)
        for each in contents
    ]
