"""Excel workbooks and Parquet files of sheets, and damage to the parts of a workbook."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from benchmarks.fuzz.price_files.corpus import Rng, choose
from benchmarks.fuzz.price_files.damage import damage_bytes

OTHER_SHEETS = ("none", "none", "none", "empty", "before", "after")


def write_workbook(path: Path, lines: list[list[Any]], rng: Rng) -> tuple[str | None, str]:
    """Write a workbook; return the sheet to read, None if there is only one that holds something, and a note."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Data"
    corner = int(choose(rng, (0, 0, 0, 2)))
    for _ in range(corner):
        sheet.append([])
    for line in lines:
        sheet.append(line)
    form = choose(rng, ("yyyy-mm-dd", "dd.mm.yyyy", "mmm-yy"))
    for row in sheet.iter_rows(min_col=1, max_col=1):
        if isinstance(row[0].value, dt.date):
            row[0].number_format = form
    other = choose(rng, OTHER_SHEETS)
    if other != "none":
        extra = book.create_sheet("Notes", 0 if other == "before" else None)
        if other != "empty":
            extra.append(["Source", "vendor"])
            extra.append([1, 2])
    book.save(path)
    note = f"workbook, {corner} empty rows above, other sheet {other}"
    return ("Data" if other in ("before", "after") else None), note


def write_parquet(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    """Write rows as a Parquet file with the types of their cells."""
    columns = [pa.array([row[n] for row in rows]) for n in range(len(header))]
    pa_parquet.write_table(pa.Table.from_arrays(columns, names=header), path)


def damage_part(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """Damage one part of a workbook, or leave it out, and pack it again."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = choose(rng, sorted(parts))
    if rng.random() < 0.2:
        del parts[name]
        note = f"part {name} left out"
    else:
        parts[name], what = damage_bytes(parts[name], rng)
        note = f"part {name}: {what}"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for each, data in parts.items():
            archive.writestr(each, data)
    return out.getvalue(), note
