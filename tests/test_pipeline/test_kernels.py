"""All kernels can be compiled ahead, and none is forgotten."""

import importlib
import sys
from pathlib import Path

import numba
from numba.core.dispatcher import Dispatcher

import pipeline.cli.main
from operations.cli.main import load_commands
from pipeline.runner import kernels

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
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


def all_kernels():
    """Return the kernels of all modules, by name."""
    found = {}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if b"@compiled" in path.read_bytes():
                dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                module = importlib.import_module(dotted)
                for name, value in vars(module).items():
                    if isinstance(value, Dispatcher) and value.__module__ == module.__name__:
                        found[f"{dotted}.{name}"] = value
    return found


def test_no_kernel_is_forgotten():
    for part in kernels.PARTS:
        kernels._compile_part(None, part)
        assert kernels._compile_part(None, part) == 0, "what is compiled is not compiled again"
    found = all_kernels()
    assert len(found) > 100
    # A kernel that is found on disk does not load those it calls.
    within = {name for kernel in found.values() for name in kernel.py_func.__code__.co_names}
    called = {name for name, kernel in found.items() if kernel.signatures}
    assert {name for name in found if name not in called and name.split(".")[-1] not in within} == set()


def test_the_command_compiles_in_other_processes_and_says_what(monkeypatch, capsys, tmp_path):
    (tmp_path / "threefold.py").write_text("import numba\n@numba.njit\ndef threefold(x):\n    return 3 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    import threefold

    monkeypatch.setattr(kernels, "PARTS", {"numbers": lambda: threefold.threefold(2.0)})
    load_commands()
    monkeypatch.setattr(sys, "argv", ["tangency", "compile", "--workers", "1"])
    for expected in ("compiled the kernels of numbers\n", "all kernels are compiled\n"):
        pipeline.cli.main.main()
        assert capsys.readouterr().out == expected
    assert threefold.threefold.signatures == [(numba.float64,)]
