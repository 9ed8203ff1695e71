"""Fuzzer of price files: valid files of many kinds, mutated one to three times, read by `market.load.load_panel`.

The result is compared with that of a reference reader. The strictness depends on the expectation:

    good       a valid file: it must be read, and second readers must agree
    truth      the content is known: the file is refused, read correctly, or a printed finding reports the change
    readers    bytes were changed: if pandas and DuckDB agree, the result must equal theirs
    suspect    the unit is wrong: the file is refused, or a printed finding reports it
    anything   the content is unknown: only tracebacks, hangs and messages are judged
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz.cases import Case, Fault
from benchmarks.fuzz.price_files.contents import CONTENTS
from benchmarks.fuzz.price_files.corpus import Rng, choose, make_draft
from benchmarks.fuzz.price_files.damage import damage_bytes, damage_compressed
from benchmarks.fuzz.price_files.dialects import DIALECTS, OF_PARQUET, SOUND
from benchmarks.fuzz.price_files.drafts import Content, Draft, PriceCase
from benchmarks.fuzz.price_files.judging import judge_file
from benchmarks.fuzz.price_files.meanings import MEANINGS
from benchmarks.fuzz.price_files.parquet_shapes import reshape_parquet
from benchmarks.fuzz.price_files.reading import UnreadableError, read_content
from benchmarks.fuzz.price_files.writing import compress, write_lines, write_parquet, write_text

_ROW_OPTIONS: tuple[dict[str, Any], ...] = (
    {"calendar": "weekdays"},
    {"running_period": "drop"},
    {"frequency": "weekly", "running_period": "keep"},
    {"frequency": "monthly", "running_period": "keep"},
    {"sessions": "UTC", "running_period": "keep"},
)
"""Options that leave out rows or merge them."""
EXCUSABLE = (
    "rename_adjusted",
    "rename_column",
    "offset_dates",
    "zone_dates",
    "mistake_",
    "replace_all_numbers",
)
"""Mutations after which a printed finding suffices; combined with any other mutation, the content is unknown."""
ATTEMPTS = 6
"""Largest number of draws until a mutation applies to the file."""


def mutate(rng: Rng, folder: Path) -> Case:
    """Create a price file with up to three mutations, of content, meaning, dialect or bytes, in this order."""
    draft = make_draft(rng)
    count = int(choose(rng, (0, 1, 1, 1, 1, 2, 2, 3)))
    kinds = sorted(choose(rng, (0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4)) for _ in range(count))
    for kind in (0, 1):
        _apply(draft, rng, (SOUND, CONTENTS)[kind], kinds.count(kind))
    if kinds.count(1):
        draft.expectation = "truth"
    draft.truth = _read_rows(draft, draft.rows)
    for kind, mutations in ((2, MEANINGS), (3, OF_PARQUET if draft.style.is_parquet else DIALECTS)):
        if _apply(draft, rng, mutations, kinds.count(kind)) and draft.expectation == "good":
            draft.expectation = "truth"
    if draft.is_strict and any(name in note for note in draft.notes for name in EXCUSABLE):
        draft.expectation = "anything"
    content = _write(draft, rng, kinds)
    path = folder / f"{draft.stem}{draft.style.ending}"
    path.write_bytes(content)
    options = _choose_options(draft, rng)
    payload = PriceCase(
        reading=draft.reading,
        options=options,
        expectation=draft.expectation,
        truth=draft.truth,
        named=draft.named,
        is_strict=draft.is_strict,
        is_parquet=draft.style.is_parquet,
        as_of=bool(rng.random() < 0.25) or any(options.items() >= rows.items() for rows in _ROW_OPTIONS),
    )
    return Case("prices", f"{draft.expectation}: {'; '.join(draft.notes)}", path, payload)


def _apply(
    draft: Draft, rng: Rng, mutations: Sequence[Callable[[Draft, Rng], str | None]], count: int
) -> int:
    """Apply some mutations, and return the number of those that were applicable."""
    done = 0
    for _ in range(count):
        for _ in range(ATTEMPTS):
            mutation = choose(rng, mutations)
            is_ragged = any(len(row) != len(draft.header) for row in draft.rows)
            if is_ragged and mutations is MEANINGS:
                break
            note = mutation(draft, rng)
            if note is not None:
                draft.notes.append(f"{mutation.__name__}: {note}")
                done += 1
                break
    return done


def _choose_options(draft: Draft, rng: Rng) -> dict[str, Any]:
    """Return options for loading the file; some restate what the names imply, and some omit rows."""
    options, reading = draft.reading.options(), draft.reading
    chance = rng.random()
    if chance < 0.1 and reading.layout != "single":
        options |= {"layout": reading.layout} | ({"date_column": reading.date} if reading.date else {})
    elif chance < 0.2:
        options |= choose(rng, _ROW_OPTIONS)
        # The omitted rows are unknown here; a file that ends earlier must agree with the whole file.
        draft.expectation = "anything"
    if chance < 0.2:
        draft.notes.append(f"options {options}")
    return options


def _read_rows(draft: Draft, rows: Sequence[Sequence[str]]) -> Content | None:
    try:
        return read_content(draft.header, rows, draft.reading)
    except UnreadableError:
        return None


def _write(draft: Draft, rng: Rng, kinds: Sequence[int]) -> bytes:
    """Return the bytes of the file, possibly damaged."""
    damages = kinds.count(4)
    known = draft.expectation == "good" or all(kind <= 1 for kind in kinds if kind != 4)
    if draft.style.is_parquet:
        plain = compressed = write_parquet(draft)
        if damages and choose(rng, (True, False)):
            reshaped, note = reshape_parquet(plain, draft.reading.date, rng)
            draft.notes.append(f"reshape_parquet: {note}")
            draft.expectation = "readers" if known else "anything"
            return reshaped
    else:
        text = write_text(draft)
        try:
            plain = text.encode(draft.style.encoding)
        except UnicodeEncodeError:
            plain = text.encode()
            draft.notes.append("which cannot hold all letters: UTF-8 instead")
        if damages and choose(rng, (True, False, False)):
            return compress(_truncate(draft, rng, plain, known and damages == 1), draft.style.ending)
        compressed = compress(plain, draft.style.ending)
    for _ in range(damages):
        if compressed is plain:
            plain, note = damage_bytes(plain, rng)
            compressed = plain
            draft.expectation = "readers" if known else "anything"
        else:
            compressed, note = damage_compressed(compressed, plain, rng)
            # Compressed files have a checksum, so a successful read is correct.
            draft.expectation = "anything" if "twice" in note or not known else "truth"
        draft.notes.append(note)
    return compressed


def _truncate(draft: Draft, rng: Rng, plain: bytes, known: bool) -> bytes:
    """Return a part of a file, whose content is that of the complete lines."""
    at = int(rng.integers(len(plain) // 2 if rng.random() < 0.7 else 0, len(plain)))
    draft.notes.append(f"cut at byte {at} of {len(plain)}: ...{plain[max(0, at - 30) : at]!r}")
    draft.expectation = "truth" if known else "anything"
    if known:
        ends = np.cumsum([len(line.encode()) + len(draft.style.line_end) for line in write_lines(draft)])
        start = 3 if draft.style.encoding == "utf-8-sig" else 0
        whole = int(np.sum(start + ends - len(draft.style.line_end) <= at))
        draft.truth = _read_rows(draft, draft.rows[: max(whole - 1, 0)])
    return plain[:at]


def check(case: Case) -> Fault | None:
    """Read the file, and judge the ending."""
    assert case.path is not None
    return judge_file(case.path, case.payload)
