"""Faults at each change of a file while data is recorded, a run is written, a decision is made and a slot is done.

The benchmark `benchmarks/faults/inject.py` does it with whole commands. Here the writers alone are tried, every call of
them, by the same library and the same invariants.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BENCH = ROOT / "benchmarks" / "faults"

sys.path.insert(0, str(BENCH))

from shim import compile_shim, compiler  # noqa: E402

pytestmark = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compile_shim(tmp_path_factory.mktemp("shim"))


def test_a_fault_at_any_call_leaves_whole_files_and_the_next_try_ends_as_undisturbed(library, tmp_path):
    command = [sys.executable, str(BENCH / "writers.py"), str(tmp_path), "8"]
    path = os.pathsep.join([str(ROOT), str(BENCH), str(ROOT / "tests" / "contracts")])
    environment = os.environ | {"LD_PRELOAD": str(library), "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    cases = json.loads(done.stdout)
    assert len(cases) > 15
    wrong = [case for case in cases if case["faults"]]
    assert not wrong, wrong[:3]
    endings = Counter((case["mode"], case["ending"]) for case in cases)
    assert {ending for mode, ending in endings if mode.startswith("kill")} == {"killed"}
    assert {ending for mode, ending in endings if mode == "short"} == {"done"}
    # Most failures end the writer; what is not needed to go on, such as removing a journal, may fail unseen.
    assert endings["fail", "error"] >= 5
