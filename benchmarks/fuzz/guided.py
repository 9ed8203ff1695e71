"""Search for price files that end in a traceback, guided by the coverage of the readers in `market`.

    .venv/bin/python -m pip install atheris          not in the lock: nothing else needs it
    .venv/bin/python -m benchmarks.fuzz.guided 600   seconds

The initial files come from `benchmarks.fuzz.prices`. Atheris mutates their bytes, and keeps inputs that reach new
lines. Each kind of fault is printed once, with the file that shows it; the exit code is 1 if there is a fault. Without
atheris the script only prints a message.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.fuzz.cases import Fault, check_message, describe_traceback, shorten_message

RESULTS = Path(__file__).resolve().parent.parent / "results" / "fuzz" / "guided"
ENDINGS = (".csv", ".csv", ".csv", ".parquet", ".csv.gz", ".csv.bz2")
VALUES = ("prices", "returns", "percent_returns")
SEEDS = 300
"""Number of initial files."""


def read_input(content: bytes, folder: Path) -> Fault | None:
    """Read one input as a file, and return the fault, if any.

    Parameters
    ----------
    content : bytes
        The first byte selects the file extension and the kind of values; the others are the file.
    folder : Path
    """
    from market.errors import DataError
    from market.load import load_panel
    from market.readers.prices import FileSettings

    choice = content[0] if content else 0
    path = folder / f"file{ENDINGS[choice % len(ENDINGS)]}"
    path.write_bytes(content[1:])
    try:
        load_panel(
            "prices", path=path, settings=FileSettings(values=VALUES[choice // len(ENDINGS) % len(VALUES)])
        )
    except DataError as error:
        return check_message(str(error))
    except Exception as error:  # noqa: BLE001
        return describe_traceback(error)
    return None


def write_seeds(folder: Path) -> None:
    """Write files of the corpus as initial inputs."""
    from benchmarks.fuzz.prices import mutate

    folder.mkdir(parents=True)
    for seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as place:
            case = mutate(np.random.default_rng(seed), Path(place))
            assert case.path is not None
            ending = next((e for e in ENDINGS[2:] if case.path.name.endswith(e)), ".csv")
            choice = ENDINGS.index(ending) + len(ENDINGS) * VALUES.index(case.payload.reading.values)
            (folder / str(seed)).write_bytes(bytes([choice]) + case.path.read_bytes())


def main() -> int:
    """Search for some seconds, and return the number of kinds of faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", type=int, nargs="?", default=600)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    try:
        atheris = importlib.import_module("atheris")
    except ModuleNotFoundError:
        print("left out: atheris is not installed; .venv/bin/python -m pip install atheris")
        return 0
    with atheris.instrument_imports(include=["market"]):
        importlib.import_module("market.load")
    options.output.mkdir(parents=True, exist_ok=True)
    faults: set[str] = set()
    with tempfile.TemporaryDirectory() as place:
        folder, corpus = Path(place), Path(place) / "corpus"
        write_seeds(corpus)

        def target(content: bytes) -> None:
            fault = read_input(content, folder)
            if fault is None or (kind := _kind(fault)) in faults:
                return
            faults.add(kind)
            saved = options.output / f"fault-{len(faults)}"
            saved.write_bytes(content)
            print(f"FAULT {fault.kind}: {fault.text}\n    {saved}", flush=True)

        arguments = [
            f"-max_total_time={options.seconds}",
            "-timeout=20",
            "-rss_limit_mb=3000",
            "-max_len=6000",
        ]
        arguments += [
            f"-artifact_prefix={options.output}/",
            "-print_final_stats=1",
            "-verbosity=0",
            str(corpus),
        ]
        process = os.fork()
        if process == 0:  # libFuzzer ends its process
            atheris.Setup([sys.argv[0], *arguments], target)
            try:
                atheris.Fuzz()
            finally:
                os._exit(bool(faults))
        _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


def _kind(fault: Fault) -> str:
    """Return the key of similar faults: their kind and place, or the beginning of the message."""
    place = fault.text.rpartition(" > ")[2] if fault.kind == "traceback" else ""
    return f"{fault.kind} {place or shorten_message(fault.text)}"


if __name__ == "__main__":
    sys.exit(main())
