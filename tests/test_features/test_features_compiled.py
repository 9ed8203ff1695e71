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


NOWHERE = """
from numba.core import caching
caching.CacheImpl._locator_classes = []  # neither the folder of the source nor that of the user can be written
"""
FULL = """
import errno
from numba.core import caching
def save(*told):
    raise OSError(errno.ENOSPC, "No space left on device")
caching.IndexDataCacheFile.save = save
"""


def compile_with(folder, setting):
    (folder / "inner.py").write_text(INNER.format(step=10, factor=2.0))
    (folder / "outer.py").write_text(setting + OUTER)
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "outer.py"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)


def test_without_a_place_to_keep_machine_code_it_is_compiled_and_that_is_said_once(tmp_path):
    done = compile_with(tmp_path, NOWHERE)
    assert done.stdout.split() == ["12.0", "0"]
    assert done.stderr.count("NUMBA_CACHE_DIR") == 1
    assert "Traceback" not in done.stderr


def test_a_full_disk_costs_only_the_machine_code(tmp_path):
    done = compile_with(tmp_path, FULL)
    assert (done.stdout.split(), done.stderr) == (["12.0", "0"], "")
