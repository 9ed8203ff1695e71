"""The shim: compile it, and select the call that goes wrong.

`Injection` is a file in shared memory, which the library of `shim.c` reads in each process of a command.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
import tempfile
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("shim.c")


class Mode(IntEnum):
    """How a call goes wrong; the numbers are those of `shim.c`."""

    COUNT = 0
    FAIL = 1
    FAIL_FROM = 2
    """From the n-th call on, every call that needs space fails, as on a full disk."""
    SHORT = 3
    KILL_BEFORE = 4
    KILL_AFTER = 5


class _State(ctypes.Structure):
    _fields_ = [
        ("calls", ctypes.c_longlong),
        ("n", ctypes.c_longlong),
        ("mode", ctypes.c_int),
        ("error", ctypes.c_int),
        ("armed", ctypes.c_int),
        ("fired", ctypes.c_int),
        ("root", ctypes.c_char * 1024),
        ("log", ctypes.c_char * 1024),
    ]


class Call(NamedTuple):
    """One change of a file below the watched folder."""

    number: int
    kind: str
    path: str


def compiler() -> str | None:
    """Return the C compiler of this machine, or None."""
    return shutil.which("cc") or shutil.which("gcc")


def compile_shim(folder: Path) -> Path:
    """Compile the library and return its path.

    Raises
    ------
    SystemExit
        If there is no C compiler.
    """
    compiler_path = compiler()
    if compiler_path is None:
        raise SystemExit(
            "fault injection needs a C compiler: install gcc or clang, or set PATH so that cc is found"
        )
    target = folder / "shim.so"
    command = [compiler_path, "-O2", "-shared", "-fPIC", "-o", str(target), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return target


class Injection:
    """State of the fault injection, shared by all processes that use its file.

    Parameters
    ----------
    root : Path
        Only calls that change files below this folder count.
    path : Path, optional
        The file of the state; by default a new one.
    """

    def __init__(self, root: Path, path: Path | None = None) -> None:
        if path is None:
            handle, name = tempfile.mkstemp(prefix="fault-state-")
            os.close(handle)
            path = Path(name)
        self.path = path
        path.write_bytes(bytes(ctypes.sizeof(_State)))
        self._file = path.open("r+b")
        self._memory = mmap.mmap(self._file.fileno(), ctypes.sizeof(_State))
        self._state = _State.from_buffer(self._memory)
        self._state.root = os.fsencode(root.resolve())

    def arm(self, mode: Mode, n: int = 0, error: int = 0, log: Path | None = None) -> None:
        """Start counting; the n-th call, from 1, goes wrong."""
        state = self._state
        state.calls = state.fired = 0
        state.mode, state.n, state.error = int(mode), n, error
        state.log = b"" if log is None else os.fsencode(log)
        state.armed = 1

    def disarm(self) -> None:
        """Let all calls pass."""
        self._state.armed = 0

    @property
    def calls(self) -> int:
        """Number of calls since `arm`."""
        return int(self._state.calls)

    @property
    def fired(self) -> int:
        """Number of calls that went wrong since `arm`."""
        return int(self._state.fired)

    def environment(self, library: Path) -> dict[str, str]:
        """Return the environment variables with which a new process uses this state."""
        return {"LD_PRELOAD": str(library), "FAULT_STATE": str(self.path)}

    def use_here(self) -> None:
        """Use this state in the current process, a fork of a process that was started with the library."""
        os.environ["FAULT_STATE"] = str(self.path)
        ctypes.CDLL(None).fault_use(os.fsencode(self.path))

    def close(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def read_calls(log: Path) -> list[Call]:
    """Read the calls from a log."""
    if not log.exists():
        return []
    lines = (line.split("\t", 2) for line in log.read_text(errors="replace").splitlines())
    return [Call(int(number), kind, path) for number, kind, path in lines]
