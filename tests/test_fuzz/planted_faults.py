"""A fuzzer with planted faults: the last digit of the seed says how a case ends."""

import os
import time
from pathlib import Path

import numpy as np

from benchmarks.fuzz.cases import Case, Fault, record_ending

ENDINGS = ("read", "refused", "traceback", "hang", "crash", "difference", "memory", "mutate")


def mutate(rng: np.random.Generator, folder: Path) -> Case:
    path = folder / "seed.txt"
    what = ENDINGS[int(rng.integers(len(ENDINGS)))]
    if what == "mutate":
        raise ValueError("the fuzzer itself fails")
    path.write_text(what)
    return Case("planted", f"a case that ends in {what}", path)


def check(case: Case) -> Fault | None:
    what = case.path.read_text()
    if what == "traceback":
        return {}["a key that is not there"]
    if what == "hang":
        time.sleep(600)
    if what == "crash":
        os._exit(7)
    if what == "difference":
        return Fault("silent difference", "1 instead of 2")
    if what == "memory":
        np.zeros(2**35 // 8).fill(1.0)
    record_ending(what)
    return None
