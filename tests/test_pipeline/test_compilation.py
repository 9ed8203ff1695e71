"""The first run says that it compiles; the next one finds the kernels where the first has kept them."""

import os
import subprocess
import sys

CODE = """
import sys
from rich.console import Console
from pipeline.runner.compilation import Announced
from pipeline.progress import Reporter
sys.path.insert(0, sys.argv[1])
from kernels import double, half
announced = Announced(Reporter(Console(width=120)))
for _ in range(2):
    with announced:
        assert (double(2.0), half(2.0)) == (4.0, 1.0)
"""
KERNELS = """
from foundation.compiled import compiled
@compiled
def double(x):
    return 2 * x
@compiled
def half(x):
    return x / 2
"""


def test_compilation_is_told_once_and_kept_where_the_user_says(tmp_path):
    (tmp_path / "kernels.py").write_text(KERNELS)
    cache = tmp_path / "cache"
    result = [
        subprocess.run(
            [sys.executable, "-c", CODE, str(tmp_path)],
            env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert result[0].count("compiling numerical kernels") == 1
    assert result[1] == ""
    assert list(cache.rglob("*.nbc"))
    assert not list((tmp_path / "__pycache__").glob("*.nb?"))
