"""Fuzzer of files of holdings: each is read as other readers read it, or refused with one message.

The other readers are pandas and DuckDB, if they agree, and a count of lines.
"""

from __future__ import annotations

import functools
import math
import random
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.fuzz.cases import Case, Fault, check_message, record_ending, shorten_message
from benchmarks.fuzz.holdings_files.changes import ROW_CHANGES, TEXT_CHANGES, to_csv, write_parquet
from benchmarks.fuzz.price_files.reading import read_number
from benchmarks.fuzz.price_files.second_readers import read_by_both
from market.panel import Panel
from operations.champion.holdings import CASH, Holdings, read_holdings
from operations.champion.holdings_check import match_holdings
from pipeline.config import RunConfig, load_config
from pipeline.errors import USER_ERRORS

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ("AAPL", "BRK.B", "600519", "ON", "Übel AG", "A,B", "GONE", "x")
DATES = pd.date_range("2020-01-31", periods=6, freq="ME")


def mutate(rng: np.random.Generator, folder: Path) -> Case:
    """Write a file of holdings with up to three changes."""
    pick = random.Random(int(rng.integers(2**63)))
    rows = _draw_rows(pick)
    kind = pick.choice(["weight", "value"])
    if kind == "value":
        rows = [(name, f"{float(number) * pick.choice([1000, 1e6]):.2f}") for name, number in rows]
    changes = []
    for _ in range(pick.choice([0, 1, 1, 2])):
        change = pick.choice(ROW_CHANGES)
        rows = change(pick, rows)
        changes.append(change.__name__.strip("_"))
    if pick.random() < 0.2:
        path = folder / "held.parquet"
        changes.append(f"parquet {write_parquet(pick, kind, rows, path)}")
    else:
        path = folder / "held.csv"
        raw = to_csv(kind, rows).encode("utf-8", "replace")
        if pick.random() < 0.6:
            damage = pick.choice(TEXT_CHANGES)
            raw = damage(pick, raw)
            changes.append(damage.__name__.strip("_"))
        path.write_bytes(raw)
    return Case("holdings", f"{kind}: {', '.join(changes) or 'sound'}", path)


def check(case: Case) -> Fault | None:
    """Read the holdings, and compare them with the results of other readers."""
    assert case.path is not None
    panel, config = _world()
    try:
        held = read_holdings(case.path)
        matched = match_holdings(held, panel, config)
    except USER_ERRORS as error:
        message = str(error)
        record_ending(f"refused: {shorten_message(message, str(case.path))}")
        return check_message(message) or (
            None if "held" in message else Fault("vague message", message[:300])
        )
    record_ending("read")
    return _implausible(held, matched) or _difference(case.path, held)


def _implausible(held: Holdings, matched: pd.Series[float]) -> Fault | None:
    """Return a fault if the holdings violate the limits of this world."""
    values = [*matched.tolist(), held.cash]
    if not all(map(math.isfinite, values)) or not math.isclose(sum(values), 1.0, abs_tol=1e-5):
        return Fault("implausible", f"weights and cash are {values}")
    if min(values) < -0.011 or max(values) > 1.011:
        return Fault("implausible", f"weights and cash are {values}, without shorts and loans")
    return None


def _difference(path: Path, held: Holdings) -> Fault | None:
    """Return a fault if the rows differ from those on which pandas and DuckDB agree, or from the lines of the file."""
    if path.suffix == ".csv":
        lines = [line for line in path.read_bytes().replace(b"\0", b"").splitlines() if line.strip()]
        if len(lines) - 1 != len(held.names):
            return Fault("silent difference", f"{len(held.names)} rows read of {len(lines) - 1} lines")
    cells = read_by_both(path, path.suffix == ".parquet")
    if cells is None:
        return None
    header, rows = cells
    if mark := next((mark for mark in ";\t|" if len(header) == 1 and mark in header[0]), None):
        header, rows = header[0].split(mark), [row[0].split(mark) for row in rows]
    header = ["".join(filter(str.isprintable, each)).strip().casefold() for each in header]
    rows = [row for row in rows if any(row)]
    name, kind = header.index("asset"), next(n for n in ("weight", "value") if n in header)
    names = tuple(row[name] for row in rows)
    if names != tuple(each.strip() for each in held.names):
        return Fault("silent difference", f"assets {held.names}, other readers find {names}")
    numbers = np.array([_read_number(row[header.index(kind)]) for row in rows])
    weights = numbers if kind == "weight" else numbers / math.fsum(numbers)
    if not np.allclose(weights, held.weights, rtol=1e-12, atol=1e-15):
        return Fault("silent difference", f"weights {held.weights}, other readers find {weights}")
    return None


def _read_number(text: str) -> float:
    """Return a cell as a number, a percentage as a fraction; blanks may separate thousands."""
    bare = text.strip().replace(" ", "\u00a0")
    return read_number(bare[:-1]) / 100 if bare.endswith("%") else read_number(bare)


@functools.cache
def _world() -> tuple[Panel, RunConfig]:
    """Return a panel with one delisted asset, and a configuration without short positions and borrowing."""
    returns = np.zeros((6, len(ASSETS)))
    returns[3:, ASSETS.index("GONE")] = np.nan
    panel = Panel("fuzz", DATES, ASSETS, returns, np.zeros(6), np.zeros(6), 12)
    return panel, load_config(ROOT / "configs" / "industries.yaml")


def _draw_rows(pick: random.Random) -> list[tuple[str, str]]:
    names = pick.sample([name for name in ASSETS if name != "GONE"], pick.randint(1, 6))
    shares = [pick.random() + 0.05 for _ in names]
    invested = pick.choice([1.0, 1.0, 0.8, 0.3])
    rows = [(name, repr(share / sum(shares) * invested)) for name, share in zip(names, shares, strict=True)]
    if invested < 1 or pick.random() < 0.3:
        rows.append((CASH, repr(1.0 - invested)))
    pick.shuffle(rows)
    return rows
