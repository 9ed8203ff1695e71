"""Kernels that were kept from an earlier process are those of the sources as they are now."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INNER = """
from foundation.compiled import compiled

STEP = {step}

@compiled
def inner(x: float) -> float:
    return {factor} * x
"""
OUTER = """
from inner import STEP, inner
from foundation.compiled import compiled

@compiled
def outer(x: float) -> float:
    return inner(x) + STEP

print(outer(1.0), sum(outer.stats.cache_hits.values()))
"""


@pytest.fixture(
    params=[("inner", "outer"), ("kernels.inner", "use.outer")], ids=["one folder", "two folders"]
)
def modules(request, tmp_path):
    """Return the files of the inner and the outer kernel, and a function that calls the outer one in a new process."""
    inner, outer = (tmp_path / Path(*name.split(".")).with_suffix(".py") for name in request.param)
    for path in (inner, outer):
        path.parent.mkdir(exist_ok=True)
    outer.write_text(OUTER.replace("from inner", f"from {request.param[0]}"))

    def call():
        command = [sys.executable, "-c", f"import {request.param[1]}"]
        # Python takes bytecode of a file of the same size that was written in the same second for current.
        environment = {"PYTHONPATH": str(ROOT), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    return inner, outer, call


def test_change_in_another_file_is_noticed(modules):
    inner, outer, call = modules
    inner.write_text(INNER.format(step=10, factor=2.0))
    assert call() == ["12.0", "0"]
    assert list((outer.parent / "__pycache__").glob("outer.outer-*.nbc"))
    inner.write_text(INNER.format(step=20, factor=3.0))
    assert call() == ["23.0", "0"]


def test_a_kernel_that_is_not_imported_does_not_matter(modules):
    inner, outer, call = modules
    inner.write_text(INNER.format(step=10, factor=2.0))
    assert call() == ["12.0", "0"]
    (outer.parent / "other.py").write_text(INNER.format(step=1, factor=1.0))
    assert call() == ["12.0", "1"]


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
