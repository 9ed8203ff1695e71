"""What whole runs store comes back as it was made, and a store that was forged with care does no harm."""

import hashlib
import json
import pickle
import random
import struct
import time
import tracemalloc
from copy import deepcopy

import pytest
import yaml
from identical import difference
from rich.console import Console
from search_panels import write_panel

from pipeline.config import load_config
from pipeline.progress import Reporter
from pipeline.publication import published
from pipeline.run import Pipeline
from pipeline.store import Store
from pipeline.store.archive import ALIGNED, read, unpack
from pipeline.store.errors import DamagedError
from pipeline.store.types import STAGES, STORABLE, name_of

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


@pytest.fixture(scope="module")
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
                "ridge": {"kind": "ridge", "tuning": TUNED},
                "trees": {"kind": "lightgbm", "max_trees": 5},
            }
        path = folder / f"{regimes}.yaml"
        path.write_text(yaml.safe_dump(content))
        config = load_config(path)
        store = Recording(config.output / "store")
        if regimes == "kmeans":
            published(config, store, Reporter(Console(quiet=True)))
        else:
            pipeline = Pipeline(config, store, Reporter(Console(quiet=True)))
            pipeline.estimate(pipeline.prepare())
        done.append((config, store))
    return done


def test_what_runs_store_comes_back_bit_for_bit(runs):
    seen = set()
    for _, store in runs:
        for (stage, key), value in store.made.items():
            assert difference(value, store.peek(stage, key), stage) == ""
            seen |= _types_in(value)
    # Leaks are found in runs that fail, and nothing else is left out.
    assert seen == STORABLE - {"pipeline.certificate:Leak"}


def _types_in(value):
    name = name_of(type(value))
    found = set() if name is None else {name}
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, tuple | list):
        inner = value
    else:
        inner = vars(value).values() if name and hasattr(value, "__dict__") else ()
    return found.union(*map(_types_in, inner))


def test_a_second_run_reuses_everything_and_gives_the_same(runs):
    config, store = runs[0]
    (made,) = [value for (stage, _), value in store.made.items() if stage == "published"]
    reporter = Reporter(Console(quiet=True))
    again = published(config, Store(config.output / "store"), reporter)
    assert difference(made, again) == ""
    assert set(reporter.seconds) == {"data"}  # nothing else was made


def forged(content, text, blocks=None):
    """Return a file with other JSON and, if given, other blocks under a digest that fits."""
    (length,) = struct.unpack_from("<Q", content, 48)
    end = ALIGNED + -(-length // ALIGNED) * ALIGNED
    rest = content[end:] if blocks is None else blocks
    padded = text + bytes(-len(text) % ALIGNED)
    tail = struct.pack("<QQ", len(text), 0) + padded + bytes(rest)
    return content[:16] + hashlib.sha256(tail).digest() + tail


def _text(content):
    (length,) = struct.unpack_from("<Q", content, 48)
    return bytes(content[ALIGNED : ALIGNED + length])


def _places(node, path=()):
    """Yield the path of every node of JSON."""
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        yield from _places(item, (*path, key))


def _at(node, path):
    for key in path:
        node = node[key]
    return node


HOSTILE = (
    None,
    True,
    -1,
    2**62,
    10**30,
    1e300,
    "",
    "os:system",
    [],
    {},
    ["same", 0],
    ["same", 10**9],
    ["object", "os:system", {}],
    ["object", "builtins:eval", {"x": 1}],
    ["object", "models.base:WalkResult", {}],
    ["enum", "allocation.decision_status:DecisionStatus", 10**9],
    ["array", 0, "|O8", [1], "C", True],
    ["array", 0, "<f8", [2**40, 2**40], "C", True],
    ["array", 0, "<f8", [-1], "C", True],
    ["array", 0, "<U99999999", [0], "C", True],
    ["float", "7ff8"],
    ["int", "0x" + "f" * 10_000],
    ["text", 0],
    ["bytes", 10**9],
    ["scalar", "|O8", "00"],
    ["dict", [["list"], 1]],
    ["no such word", 1],
)


def _mutated(content, rng):
    """Return one forged file: a node of its JSON replaced, copied, or removed, or bytes of its text changed."""
    told = json.loads(_text(content))
    places = [path for path in _places(told) if path]
    path = rng.choice(places)
    parent, key = _at(told, path[:-1]), path[-1]
    how = rng.randrange(5)
    if how == 0:
        parent[key] = rng.choice(HOSTILE)
    elif how == 1:
        parent[key] = deepcopy(_at(told, rng.choice(places)))
    elif how == 2:
        del parent[key]
    elif how == 3 and isinstance(parent[key], int):
        parent[key] += rng.choice((-1, 1, 1000))
    else:
        text = bytearray(_text(content))
        for _ in range(rng.randrange(1, 4)):
            text[rng.randrange(len(text))] = rng.randrange(256)
        return forged(content, bytes(text))
    return forged(content, json.dumps(told).encode())


def test_forged_files_count_as_missing_or_give_a_value_of_the_right_type(runs):
    _, store = runs[0]
    rng, endings = random.Random(0), {"missing": 0, "read": 0}
    by_stage = {stage: (stage, key) for stage, key in store.made}
    for stage, key in by_stage.values():
        content = bytes(read(store._path(stage, key)))
        for _ in range(40):
            bad = memoryview(bytearray(_mutated(content, rng)))
            began = time.perf_counter()
            tracemalloc.start()
            try:
                value = unpack(bad, stage, key)
            except DamagedError:
                endings["missing"] += 1
            else:
                endings["read"] += 1
                assert name_of(type(value)) == STAGES[stage]
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 40 * len(content) + 1_000_000
            assert time.perf_counter() - began < 20
    assert endings["missing"] > 100, endings
    assert endings["read"] > 5, endings
