"""Mutations of holdings: of rows of names and numbers, and of the bytes of the file."""

from __future__ import annotations

import io
import random
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

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
Rows = list[tuple[str, str]]


def _scale(pick: random.Random, rows: Rows) -> Rows:
    """Convert all numbers to another unit."""
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
    """Make one position short, and increase another to compensate."""
    if len(rows) < 2:
        return rows
    (a, first), (b, second), *rest = rows
    amount = pick.choice([0.005, 0.2, 5.0, 1e9])
    return [(a, repr(_number(first) - amount - 1.0)), (b, repr(_number(second) + amount + 1.0)), *rest]


ROW_CHANGES = [_scale, _set_number, _set_number, _set_name, _set_name, _double_row, _drop_row, _short]


def to_csv(kind: str, rows: Rows) -> str:
    stream = io.StringIO()
    pd.DataFrame(rows, columns=["asset", kind]).to_csv(stream, index=False, lineterminator="\n")
    return stream.getvalue()


def write_parquet(pick: random.Random, kind: str, rows: Rows, path: Path) -> str:
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
        table[kind] = [Decimal(str(round(x, 6))) if abs(x) < 1e9 else None for x in table[kind]]
    elif how == "index":
        table = table.set_index("asset")
    elif how == "extra":
        table = table.assign(note=["x", *[None] * (len(table) - 1)], day=pd.Timestamp(2020, 1, 31))
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
    """Open a quote in one line, and close it in the same line, in another line, or never."""
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
