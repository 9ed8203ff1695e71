"""Kernels that were kept from an earlier process are those of the sources as they are now."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INNER = """
from features.compiled import compiled

STEP = {step}

@compiled
def inner(x: float) -> float:
    return {factor} * x
"""
OUTER = """
from inner import STEP, inner
from features.compiled import compiled

@compiled
def outer(x: float) -> float:
    return inner(x) + STEP

print(outer(1.0), sum(outer.stats.cache_hits.values()))
"""


def answer(folder):
    command = [sys.executable, "outer.py"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_change_in_another_file_is_noticed(tmp_path):
    (tmp_path / "outer.py").write_text(OUTER)
    (tmp_path / "inner.py").write_text(INNER.format(step=10, factor=2.0))
    assert answer(tmp_path) == ["12.0", "0"]
    assert list((tmp_path / "__pycache__").glob("outer.outer-*.nbc"))
    (tmp_path / "inner.py").write_text(INNER.format(step=20, factor=3.0))
    assert answer(tmp_path) == ["23.0", "0"]


def test_the_first_process_tells_that_it_compiles_and_the_next_does_not(tmp_path):
    (tmp_path / "kernels.py").write_text(
        "from features.compiled import compiled, on_first_compilation\n"
        "import numpy as np\n"
        "@compiled\n"
        "def double(x):\n"
        "    return 2.0 * x\n"
        "on_first_compilation(lambda: print('compiling'))\n"
        "print(double(np.ones(2))[0], double(np.ones((2, 2)))[0, 0])\n"
    )
    told = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(tmp_path / "kernels.py")],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        )
        told.append(done.stdout.split())
    assert told == [["compiling", "2.0", "2.0"], ["2.0", "2.0"]], "once, though two signatures are compiled"
