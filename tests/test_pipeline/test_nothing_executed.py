"""No package reads a format that executes what it reads; each exception is listed with its reason."""

import ast
from pathlib import Path

import pipeline

ROOT = Path(pipeline.__file__).resolve().parents[1]
PACKAGES = (
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

MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal", "jsonpickle", "skops"}
"""Modules that make objects of whatever a file names."""
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {
    "yaml": {"load", "load_all", "full_load", "unsafe_load", "unsafe_load_all", "full_load_all"},
    "joblib": {"load", "dump"},
    "pd": {"read_pickle", "eval"},
    "np": {"load", "loads"},
    "pa": {"deserialize"},
    "torch": {"load"},
}
ALLOWED = {
    # Errors that a worker process raised, which were made by this code in the same run, are tried before they are sent.
    ("models/parallel/batches.py", "import pickle"),
    ("models/parallel/batches.py", "joblib.externals.loky.backend.reduction.dumps"),
    # A SafeLoader that also refuses doubled keys.
}


def _uses(tree):
    """Yield each use of something that could execute what it reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (f"import {a.name}" for a in node.names if a.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [alias.name for alias in node.names]
            if node.module.partition(".")[0] in MODULES:
                yield f"import {node.module}"
            yield from (
                f"{node.module}.{name}" for name in names if name in ("dumps", "loads", "read_pickle")
            )
            yield from (f"{node.module}.{n}" for n in names if n in METHODS.get(node.module, ()))
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in CALLS:
                yield node.func.id
            if isinstance(node.func, ast.Attribute):
                owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
                if node.func.attr in METHODS.get(owner, ()) or node.func.attr == "to_pickle":
                    yield f"{owner}.{node.func.attr}"
            yield from ("allow_pickle" for keyword in node.keywords if keyword.arg == "allow_pickle")


def test_nothing_that_is_read_is_executed_but_for_what_is_listed():
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            where = str(path.relative_to(ROOT))
            found |= {(where, use) for use in _uses(ast.parse(path.read_text(encoding="utf-8")))}
    assert found == ALLOWED


def test_the_search_finds_what_it_looks_for():
    source = """
import pickle, os
import dill.source
from cloudpickle import loads
from yaml import unsafe_load
from joblib.externals.loky import dumps
def f(x):
    eval(x); exec(x); yaml.load(x); np.load(x, allow_pickle=True); joblib.load(x); frame.to_pickle(x)
    json.loads(x); yaml.safe_load(x); model.predict(x)
"""
    assert set(_uses(ast.parse(source))) == {
        "import pickle",
        "import dill.source",
        "import cloudpickle",
        "cloudpickle.loads",
        "yaml.unsafe_load",
        "joblib.externals.loky.dumps",
        "eval",
        "exec",
        "yaml.load",
        "np.load",
        "allow_pickle",
        "joblib.load",
        "frame.to_pickle",
    }
