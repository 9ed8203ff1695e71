"""Small runs whose stores the tests of the store share."""

import pickle
from copy import deepcopy

import pytest
import yaml
from rich.console import Console
from search_panels import write_panel

from pipeline.config import load_config
from pipeline.export.publication import load_or_make_artifacts
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.store import Store

STRATEGIES = {
    "mix": {
        "kind": "strategic",
        "weights": {"Alpha": 0.3, "Beta": 0.3},
        "sleeves": {"a": ["Alpha"], "b": ["Beta"]},
    },
    "lively": {
        "kind": "core_satellite",
        "core": "mix",
        "satellite": "model:ridge",
        "share": 0.5,
        "exempt": ["maximum"],
    },
    "calm": {"kind": "volatility_target", "base": "lively", "volatility": 0.1, "exempt": ["maximum"]},
    "parity": {"kind": "risk_parity"},
}
TUNED = {"search": "random", "trials": 2, "space": {"n_penalties": {"low": 2, "high": 6}}}


class Recording(Store):
    """A store that remembers what was made, as it was then: columns behind a matrix are filled later."""

    def __init__(self, folder):
        super().__init__(folder)
        self.made = {}

    def get(self, stage, key, make):
        value, reused = super().get(stage, key, make)
        if not reused:
            self.made[stage, key] = pickle.loads(pickle.dumps(value))
        return value, reused


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Small runs with strategies, tuning, trees, and each kind of regimes: their configurations and their stores."""
    folder = tmp_path_factory.mktemp("runs")
    base = write_panel("monthly", folder).base
    done = []
    for regimes in ("kmeans", "hmm", "jump"):
        content = deepcopy(base) | {"output": str(folder / regimes / "runs")}
        content["regimes"] |= {"kind": regimes}
        if regimes == "kmeans":
            content["strategies"] = STRATEGIES
            content["models"] = {
                "ridge": {"kind": "ridge"},
                "tuned": {"kind": "ridge", "tuning": TUNED},
                "trees": {"kind": "lightgbm", "max_trees": 5},
            }
        path = folder / f"{regimes}.yaml"
        path.write_text(yaml.safe_dump(content))
        config = load_config(path)
        store = Recording(config.output / "store")
        if regimes == "kmeans":
            load_or_make_artifacts(config, store, Reporter(Console(quiet=True)))
        else:
            pipeline = Pipeline(config, store, Reporter(Console(quiet=True)))
            pipeline.estimate(pipeline.prepare())
        done.append((config, store))
    return done
