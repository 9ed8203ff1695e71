"""Mutated files of holdings: each is read as other readers read it, or refused with one message.

The other readers are pandas and DuckDB, where they agree, and a count of lines.
"""

from __future__ import annotations

import functools
import io
import math
import random
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.fuzz.cases import Case, Fault, check_message, record_ending, shorten_message
from benchmarks.fuzz.price_files.second_readers import read_by_both
from market.panel import Panel
from operations.holdings import CASH, Holdings, match_holdings, read_holdings
from pipeline.config import RunConfig, load_config
from pipeline.errors import USER_ERRORS

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ("AAPL", "BRK.B", "600519", "ON", "Übel AG", "A,B", "GONE", "x")
NUMBERS = [
    *(
        "1e300",
        "-1e300",
        "1e308",
        "nan",
        "inf",
        "-inf",
        "",
        " ",
        "null",
        "0",
        "-0",
        "50%",
        "1,5",
        "1.234,56",
        "0x1A",
    ),
    *(
        "1e-320",
        "9" * 400,
        "1_000",
        "½",
        "１",
        "true",
        "$5",
        "(0.5)",
        "-0.3",
        "1.0000001",
        "0.1.2",
        "2020-01-31",
        "1e5",
    ),
]
NAMES = [
    "cash",
    "CASH",
    " cash",
    "",
    " ",
    "aapl",
    "AAPL ",
    "unknown",
    "=1+1",
    "ON\u200b",
    "é" * 300,
    "a\tb",
    "GONE",
    '"',
    "None",
]
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
        changes.append(f"parquet {_write_parquet(pick, kind, rows, path)}")
    else:
        path = folder / "held.csv"
        raw = _as_csv(kind, rows).encode("utf-8", "replace")
        if pick.random() < 0.6:
            damage = pick.choice(TEXT_CHANGES)
            raw = damage(pick, raw)
            changes.append(damage.__name__.strip("_"))
        path.write_bytes(raw)
    return Case("holdings", f"{kind}: {', '.join(changes) or 'sound'}", path)


def check(case: Case) -> Fault | None:
    """Read the holdings, and compare them with what other readers find."""
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
    """Return what no portfolio under the limits of this world can be."""
    values = [*matched.tolist(), held.cash]
    if not all(map(math.isfinite, values)) or not math.isclose(sum(values), 1.0, abs_tol=1e-5):
        return Fault("implausible", f"weights and cash are {values}")
    if min(values) < -0.011 or max(values) > 1.011:
        return Fault("implausible", f"weights and cash are {values}, without shorts and loans")
    return None


def _difference(path: Path, held: Holdings) -> Fault | None:
    """Return how the rows differ from those that pandas and DuckDB agree on, or from the lines of the file."""
    if path.suffix == ".csv":
        lines = [line for line in path.read_bytes().splitlines() if line.strip()]
        if len(lines) - 1 != len(held.names):
            return Fault("silent difference", f"{len(held.names)} rows read of {len(lines) - 1} lines")
    cells = read_by_both(path, path.suffix == ".parquet")
    if cells is None:
        return None
    header, rows = cells
    rows = [row for row in rows if any(row)]
    name, kind = header.index("asset"), next(n for n in ("weight", "value") if n in header)
    names = tuple(row[name] for row in rows)
    if names != tuple(each.strip() for each in held.names):
        return Fault("silent difference", f"assets {held.names}, other readers find {names}")
    numbers = np.array([float(row[header.index(kind)]) for row in rows])
    weights = numbers if kind == "weight" else numbers / math.fsum(numbers)
    if not np.allclose(weights, held.weights, rtol=1e-12, atol=1e-15):
        return Fault("silent difference", f"weights {held.weights}, other readers find {weights}")
    return None


@functools.cache
def _world() -> tuple[Panel, RunConfig]:
    """Return a panel with these assets, of which one is delisted, and a configuration without shorts and loans."""
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


Rows = list[tuple[str, str]]


def _scale(pick: random.Random, rows: Rows) -> Rows:
    """Give all numbers another unit."""
    factor = pick.choice([100.0, 0.01, 1e4, -1.0, 1.3, 0.0, 1e300])
    return [(name, repr(_number(text) * factor)) for name, text in rows]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.5


def _set_number(pick: random.Random, rows: Rows) -> Rows:
    place = pick.randrange(len(rows))
    return [(name, pick.choice(NUMBERS) if n == place else text) for n, (name, text) in enumerate(rows)]


def _set_name(pick: random.Random, rows: Rows) -> Rows:
    place = pick.randrange(len(rows))
    return [(pick.choice(NAMES) if n == place else name, text) for n, (name, text) in enumerate(rows)]


def _double_row(pick: random.Random, rows: Rows) -> Rows:
    return [*rows, pick.choice(rows)]


def _drop_row(pick: random.Random, rows: Rows) -> Rows:
    place = pick.randrange(len(rows))
    return rows[:place] + rows[place + 1 :] or rows


def _short(pick: random.Random, rows: Rows) -> Rows:
    """Hold one asset short and another the more."""
    if len(rows) < 2:
        return rows
    (a, first), (b, second), *rest = rows
    amount = pick.choice([0.005, 0.2, 5.0, 1e9])
    return [(a, repr(_number(first) - amount - 1.0)), (b, repr(_number(second) + amount + 1.0)), *rest]


ROW_CHANGES = [_scale, _set_number, _set_number, _set_name, _set_name, _double_row, _drop_row, _short]


def _as_csv(kind: str, rows: Rows) -> str:
    stream = io.StringIO()
    pd.DataFrame(rows, columns=["asset", kind]).to_csv(stream, index=False, lineterminator="\n")
    return stream.getvalue()


def _write_parquet(pick: random.Random, kind: str, rows: Rows, path: Path) -> str:
    """Write rows as Parquet with columns of some types, and return the types."""
    how = pick.choice(["float64", "float32", "text", "category", "decimal", "index", "extra", "cut"])
    table = pd.DataFrame(rows, columns=["asset", kind])
    if how not in ("text", "cut"):
        table[kind] = pd.to_numeric(table[kind], errors="coerce")
    if how == "float32":
        table[kind] = table[kind].astype(np.float32)
    elif how == "category":
        table["asset"] = table["asset"].astype("category")
    elif how == "decimal":
        from decimal import Decimal

        table[kind] = [Decimal(str(round(x, 6))) if abs(x) < 1e9 else None for x in table[kind]]
    elif how == "index":
        table = table.set_index("asset")
    elif how == "extra":
        table = table.assign(note=["x", *[None] * (len(table) - 1)], day=DATES[0])
    table.to_parquet(path, index=how == "index")
    if how == "cut":
        raw = path.read_bytes()
        path.write_bytes(raw[: pick.randrange(len(raw))])
    return how


def _cut(pick: random.Random, raw: bytes) -> bytes:
    return raw[: pick.randrange(len(raw) + 1)]


def _bits(pick: random.Random, raw: bytes) -> bytes:
    changed = bytearray(raw)
    for _ in range(pick.choice([1, 2, 8])):
        changed[pick.randrange(len(changed))] ^= 1 << pick.randrange(8)
    return bytes(changed)


def _insert(pick: random.Random, raw: bytes) -> bytes:
    tokens = [
        b'"',
        b'"',
        b"\n",
        b"\n\n",
        b",",
        b";",
        b"\0",
        b"\r",
        b"\t",
        b" ",
        b"'",
        b"\xff",
        b"#",
        b"\xe2\x80\x8b",
        b'""',
    ]
    place = pick.randrange(len(raw) + 1)
    return raw[:place] + pick.choice(tokens) + raw[place:]


def _quotes(pick: random.Random, raw: bytes) -> bytes:
    """Open a quote in one line, and close it there, in another one, or never."""
    changed = raw
    for _ in range(pick.choice([1, 2, 2, 3])):
        places = [
            n
            for n in range(len(changed))
            if n == 0 or changed[n - 1 : n] in (b",", b"\n") or changed[n : n + 1] in (b",", b"\n")
        ]
        place = pick.choice(places)
        changed = changed[:place] + b'"' + changed[place:]
    return changed


def _dialect(pick: random.Random, raw: bytes) -> bytes:
    old, new = pick.choice(
        [
            (b",", b";"),
            (b",", b"\t"),
            (b".", b","),
            (b"\n", b"\r\n"),
            (b"\n", b"\r"),
            (b",", b", "),
            (b"\n", b",\n"),
        ]
    )
    return raw.replace(old, new)


def _encode(pick: random.Random, raw: bytes) -> bytes:
    how = pick.choice(["utf-16", "utf-16-le", "latin-1", "utf-8-sig"])
    return raw.decode("utf-8").encode(how, "replace")


def _header(pick: random.Random, raw: bytes) -> bytes:
    header, _, rest = raw.partition(b"\n")
    new = pick.choice(
        [
            b"",
            b"Asset,Weight",
            b" asset , weight ",
            b"asset,weight,value",
            b"asset,asset",
            b"weight,asset",
            b"asset,weight,note",
        ]
    )
    kept = {b"": rest, b"weight,asset": new + b"\n" + rest}.get(new, new + b"\n" + rest)
    return kept if pick.random() < 0.8 else header + b"\n" + header + b"\n" + rest


def _pad(pick: random.Random, raw: bytes) -> bytes:
    extra = pick.choice(
        [b"\n\n\n", b",\n", b"total,1\n", b"# end\n", b"A" * 100_000 + b",0\n", b"cash,0\n", b"x,0\n" * 500]
    )
    return raw + extra if pick.random() < 0.7 else extra + raw


TEXT_CHANGES = [_cut, _cut, _bits, _insert, _insert, _quotes, _quotes, _dialect, _encode, _header, _pad]
