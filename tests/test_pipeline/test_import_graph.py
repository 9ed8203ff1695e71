"""The code digest: every module that decides a stored result changes it, and nothing else has to be listed."""

import ast
import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from own_prices import settings, write_prices

from pipeline.store import COMPUTING, deciding_sources, import_graph
from pipeline.store.import_graph import NOT_DECIDING, ROOT, _imported_modules

PROJECT = Path(import_graph.__file__).resolve().parents[2]
PACKAGES = (*COMPUTING, "pipeline", "operations")


@cache
def _modules():
    files = [path for package in PACKAGES for path in (PROJECT / package).rglob("*.py")]
    names = [".".join(path.relative_to(PROJECT).with_suffix("").parts) for path in files]
    return {name.removesuffix(".__init__"): path for name, path in zip(names, files, strict=True)}


@cache
def _imports(name):
    """Return the modules of this project that a module imports, by its syntax tree; those for types are left out."""
    tree = ast.parse(_modules()[name].read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    found |= {name.rpartition(".")[0] for name in found if name.count(".") > 1}  # the folder of a module
    return found & set(_modules())


def _closure(root, excluded=()):
    reached, pending = set(), [root]
    while pending:
        name = pending.pop()
        if name not in reached and name not in excluded:
            reached.add(name)
            pending += _imports(name)
    return reached


def test_imports_are_found_as_in_the_syntax_tree():
    for name, path in _modules().items():
        if name.partition(".")[0] in ("pipeline", "operations"):
            found = {f"pipeline.{other}" for other in _imported_modules(path.read_text())} & set(_modules())
            folders = {other.rpartition(".")[0] for other in found if other.count(".") > 1}
            expected = {other for other in _imports(name) if other.startswith("pipeline.")}
            assert found | folders == expected, name


def test_imports_are_found_wherever_they_stand():
    source = """
from pipeline import a, b as c  # d
from pipeline import (
    e,  # f
    g as h,
)
if TYPE_CHECKING:
    from pipeline.i import I

    from pipeline import j
import pipeline.k as l

def work():
    from pipeline.m import N
    from pipeline.folder import module, other
    if True:
        from pipeline import o
"""
    assert _imported_modules(source) == {
        *("a", "b", "e", "g", "k", "m", "m.N", "o"),
        *("folder", "folder.module", "folder.other"),
    }


def test_all_that_stages_reach_decides_but_for_what_is_listed_with_a_reason():
    excluded = {f"pipeline.{name}" for name in NOT_DECIDING}
    deciding = {str(path) for path in deciding_sources(PROJECT)}
    reached = _closure(f"pipeline.{ROOT}", excluded)
    missing = {name for name in reached if str(_modules()[name]) not in deciding}
    assert not missing
    assert {f"pipeline.{name}" for name in ("strategies.builder", "strategies.kinds")} <= reached
    kinds = {name for name in _modules() if name.startswith("pipeline.strategies.kinds.")}
    assert {str(_modules()[name]) for name in kinds} <= deciding
    assert len(kinds) > 19
    for name in excluded:
        assert name in _modules(), f"{name} is listed and does not exist"
        importers = {other for other in reached if name in _imports(other)}
        assert importers <= {
            "pipeline.runner.pipeline",
            "pipeline.runner.stage_runner",
            "pipeline.runner.certification",
            "pipeline.stages.loading",
            "pipeline.stages.sequence",
        }, f"{name} is used by what computes"


def test_no_deciding_module_of_the_pipeline_imports_by_a_computed_name():
    for path in deciding_sources(PROJECT):
        # The store imports the types of a closed table, each of which a deciding module makes. The registry imports
        # the kinds of strategies, all of which count.
        if "pipeline" in path.parts and path.name not in ("types.py", "registry.py"):
            text = path.read_text()
            assert "import_module(" not in text, path
            assert "__import__(" not in text, path


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the project's sources, and a process that tells their digest after an edit of each file."""
    folder = tmp_path_factory.mktemp("project")
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


DIGESTS = """
import json, sys
from pathlib import Path
from pipeline.store import code_digest
told = {"": code_digest()}
for path in sorted(Path().rglob("*.py")):
    whole = path.read_bytes()
    path.write_bytes(whole + b"\\n# edited\\n")
    code_digest.cache_clear()
    told[str(path)] = code_digest()
    path.write_bytes(whole)
code_digest.cache_clear()
assert code_digest() == told[""]
print(json.dumps(told))
"""


def test_an_edit_of_any_deciding_module_changes_the_digest(copied):
    done = subprocess.run([sys.executable, "-c", DIGESTS], cwd=copied, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    digests = json.loads(done.stdout)
    whole = digests.pop("")
    changed = {path for path, digest in digests.items() if digest != whole}
    expected = {str(path.relative_to(PROJECT)) for path in deciding_sources(PROJECT)}
    assert changed == expected
    named = ("strategies/builder", "strategies/kinds/optimized/aim", "settings/allocation")
    assert {f"pipeline/{name}.py" for name in named} <= changed
    assert len(set(digests.values())) == len(changed) + 1, "each edit gives a digest of its own"


def test_a_new_module_that_a_stage_imports_is_part_of_the_digest(copied):
    code = "from pipeline.store import code_digest; print(code_digest())"

    def digest():
        return subprocess.run([sys.executable, "-c", code], cwd=copied, capture_output=True, text=True).stdout

    before = digest()
    helper, stages = copied / "pipeline" / "helper.py", copied / "pipeline" / "stages" / "compute.py"
    helper.write_text("X = 1\n")
    assert digest() == before, "nothing imports it"
    stages.write_text(
        stages.read_text() + "\n\ndef late():\n    from pipeline.helper import X\n\n    return X\n"
    )
    used = digest()
    helper.write_text("X = 2\n")
    edited = digest()
    assert len({before, used, edited}) == 3
    folder = copied / "pipeline" / "parts"
    folder.mkdir()
    (folder / "one.py").write_text("X = 1\n")
    helper.write_text("from pipeline.parts.one import X\n")
    within = digest()
    (folder / "__init__.py").write_text("Y = 1\n")
    assert len({edited, within, digest()}) == 3, "the folder of a module is executed with it"


WATCHED = """
import json, sys, threading
from pathlib import Path
import yaml
from rich.console import Console
from pipeline.stages import compute, schedule, trading
from pipeline.config import load_config
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.store import Store

root, called = sys.argv[2], {}

def watch(frame, event, argument):
    if event == "call" and frame.f_code.co_filename.startswith(root):
        called.setdefault(frame.f_code.co_filename, frame.f_code.co_name)

def watched(make):
    def call(*arguments):
        sys.setprofile(watch)
        threading.setprofile(watch)
        try:
            return make(*arguments)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return call

class Watched(Store):
    def get(self, stage, key, make):
        return super().get(stage, key, make if stage == "audit" else watched(make))

# What stored stages are made of, and what is not stored itself.
compute.make_dataset, compute.make_forecasts = watched(compute.make_dataset), watched(compute.make_forecasts)
schedule.make_schedule, trading.make_policies = watched(schedule.make_schedule), watched(trading.make_policies)
trading.make_covariances = watched(trading.make_covariances)

config = load_config(Path(sys.argv[1]))
pipeline = Pipeline(config, Watched(config.output / "store"), Reporter(Console(quiet=True)))
done = pipeline.evaluate(pipeline.train(pipeline.prepare()))
loaded = [m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)]
print(json.dumps({"called": called, "loaded": [path for path in loaded if path.startswith(root)]}))
"""


def test_all_that_runs_while_a_result_is_made_is_part_of_the_digest(tmp_path):
    """The import graph is a reading of the source; this looks at what is really loaded and called."""
    import yaml

    write_prices(tmp_path / "prices.csv", n_dates=150, n_assets=6, seed=1, holes=False)
    content = settings(tmp_path, 150, workers=1, audit={"cuts": 0})
    content["models"] = {"mean": {"kind": "mean"}, "ridge": {"kind": "ridge", "n_penalties": 12}}
    content["allocation"]["forecast"] = "ridge"
    content["strategies"] = {
        "even": {"kind": "risk_parity"},
        "views": {"kind": "black_litterman", "forecast": "ridge"},
        "steady": {"kind": "volatility_target", "base": "even", "volatility": 0.1, "exempt": ["maximum"]},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    command = [sys.executable, "-c", WATCHED, str(tmp_path / "mine.yaml"), f"{PROJECT}/"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours = {str(path) for path in _modules().values()}
    result = {key: set(paths) & ours for key, paths in json.loads(done.stdout).items()}
    deciding = {str(path) for path in deciding_sources(PROJECT)}
    listed = {str(_modules()[f"pipeline.{name}"]) for name in NOT_DECIDING}
    called = {str(Path(path).relative_to(PROJECT)) for path in result["called"]}
    assert {
        "pipeline/stages/trading.py",
        "pipeline/stages/compute.py",
        "pipeline/strategies/kinds/optimized/black_litterman.py",
    } <= called
    # The reporter hands a bar to the models, and says that kernels are compiled.
    reporting = {str(_modules()[f"pipeline.{name}"]) for name in ("progress", "runner.compilation")}
    assert result["called"] <= deciding | reporting, "called while a stored result was made"
    beside = result["loaded"] - deciding - listed
    # What the modules that do not decide import in their turn.
    behind = {str(_modules()[other]) for name in NOT_DECIDING for other in _closure(f"pipeline.{name}")}
    assert beside <= behind
