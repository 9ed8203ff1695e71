"""Kernels that were kept from an earlier process are those of the sources as they are now."""

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
    # Python takes bytecode of a file of the same size that was written in the same second for current.
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_change_in_another_file_is_noticed(tmp_path):
    (tmp_path / "outer.py").write_text(OUTER)
    (tmp_path / "inner.py").write_text(INNER.format(step=10, factor=2.0))
    assert answer(tmp_path) == ["12.0", "0"]
    assert list((tmp_path / "__pycache__").glob("outer.outer-*.nbc"))
    (tmp_path / "inner.py").write_text(INNER.format(step=20, factor=3.0))
    assert answer(tmp_path) == ["23.0", "0"]
