"""Let the disk of the output folder become full, at many points of each command, and give it space again.

    python benchmarks/faults/full_disk.py --points 12        as root: it mounts small file systems in memory

Each command runs in a world on a file system that has a given number of kilobytes left. The command must end with one
message that names a file, or with success if only MLflow ran out of space. No file may be damaged. With more space, the
same command must end as in an undisturbed run.
"""

from __future__ import annotations

import argparse
import collections
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent)]

from inject import Bench, _load_everything  # noqa: E402
from shim import Mode  # noqa: E402
from worlds import COMMANDS, Command, World  # noqa: E402

PLENTY = "64m"


def main() -> None:
    """Fill the disk at several points of each command, and print the endings."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("commands", nargs="*")
    parser.add_argument("--points", type=int, default=12)
    parser.add_argument("--place", type=Path, default=None, help="folder for the worlds")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("mounting a small file system needs root; inject.py --modes fail_from does without")
    _load_everything()
    place = Path(tempfile.mkdtemp(prefix="full-", dir=options.place))
    world = World(place)
    world.build()
    bench, faults = Bench(world), 0
    for command in COMMANDS:
        if options.commands and command.name not in options.commands:
            continue
        _, reference = bench.undisturbed(command)
        needed = _kilobytes(world.output) - _kilobytes(place / command.world / "runs")
        endings: collections.Counter[str] = collections.Counter()
        for point in range(options.points):
            kind, wrong = fill(bench, command, max(needed * point // options.points, 1), reference)
            endings[kind] += 1
            faults += bool(wrong)
            for text in wrong:
                print(f"{command.name}, point {point}: {text}", flush=True)
        summary = ", ".join(f"{kind} {count}" for kind, count in endings.most_common())
        print(f"| {command.name} | full disk | {options.points} | {summary} |", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    print(f"{faults} cases with something wrong")
    sys.exit(1 if faults else 0)


def fill(bench: Bench, command: Command, extra: int, reference: dict[str, object]) -> tuple[str, list[str]]:
    """Run a command with `extra` kilobytes left, then with ample space; return its ending and the faults."""
    world = bench.world
    world.restore(command.world)
    kept = world.output.with_name("kept")
    world.output.rename(kept)
    world.output.mkdir()
    size = _kilobytes(kept)
    _mount("-t", "tmpfs", "-o", f"size={PLENTY}", "tmpfs", str(world.output))
    try:
        shutil.copytree(kept, world.output, symlinks=True, dirs_exist_ok=True)
        used = size if (taken := shutil.disk_usage(world.output).used >> 10) < size else taken
        _mount("-o", f"remount,size={used + extra}k", str(world.output))
        kind, wrong = bench.ending(bench.run(command, None), Mode.FAIL)
        damaged, _ = bench.look()
        wrong += [f"on the full disk: {text}" for text in damaged]
        _mount("-o", f"remount,size={PLENTY}", str(world.output))
        if (again := bench.run_again(command)) != 0:
            return kind, [*wrong, f"with more space: exit code {again}: {bench.log.read_text()[-300:]}"]
        damaged, result = bench.look(leftovers=True)
        wrong += [f"with more space: {text}" for text in damaged]
        wrong += [
            f"not as undisturbed: {key}: {result.get(key)}"
            for key in reference
            if result.get(key) != reference[key]
        ]
    finally:
        subprocess.run(["umount", str(world.output)], check=True)
        shutil.rmtree(kept)
    return kind, wrong


def _kilobytes(folder: Path) -> int:
    """Return the size of a folder in kilobytes on a file system with pages of four kilobytes."""
    sizes = (path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
    return sum(-(-size // 4096) * 4 for size in sizes)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


if __name__ == "__main__":
    main()
