"""Fuzzer of price files: valid files of many kinds, mutated one to three times, read by `market.load.load_panel`.

The result is compared with that of a reference reader. The strictness depends on the expectation:

    good       a valid file: it must be read, and second readers must agree
    truth      the content is known: the file is refused, read correctly, or a printed finding reports the change
    readers    bytes were changed: if pandas and DuckDB agree, the result must equal theirs
    suspect    the unit is wrong: the file is refused, or a printed finding reports it
    anything   the content is unknown: only tracebacks, hangs and messages are judged
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.fuzz.cases import Case, Fault, check_message, record_ending, shorten_message
from benchmarks.fuzz.price_files.comparison import find_difference
from benchmarks.fuzz.price_files.contents import CONTENTS
from benchmarks.fuzz.price_files.corpus import Rng, choose, make_draft
from benchmarks.fuzz.price_files.damage import damage_bytes, damage_compressed
from benchmarks.fuzz.price_files.dialects import DIALECTS, OF_PARQUET, SOUND
from benchmarks.fuzz.price_files.drafts import Content, Draft, PriceCase
from benchmarks.fuzz.price_files.meanings import MEANINGS
from benchmarks.fuzz.price_files.parquet_shapes import reshape_parquet
from benchmarks.fuzz.price_files.reading import MissingColumnError, UnreadableError, read_content
from benchmarks.fuzz.price_files.second_readers import has_open_quote, read_by_both
from benchmarks.fuzz.price_files.writing import compress, write_lines, write_parquet, write_text
from market.errors import DataError
from market.findings import INTERPRETATION, Finding
from market.load import load_panel
from market.panel import Panel
from market.readers.prices import FileSettings

DESCRIPTIVE = (
    *(
        "calendar gap",
        "missing value",
        "starts late",
        "ends early",
        "stale run",
        "possible split",
        "one asset",
    ),
    *("implausible move", "running period", "repeated period", "carried weekend", "month start", "empty row"),
    *("nearly riskless", "unsorted dates", "calendar", "outside of the bar"),
)
"""Checks whose findings describe the data, and not the interpretation of the file."""

TOO_SHORT = (
    *(
        "date(s), expected at least",
        "may be day/month",
        "no asset has two prices",
        "median distance between dates",
    ),
    *("leaves no row", "neither daily, weekly nor monthly", "expected at least 2", "rows can only be merged"),
)
"""Reasons for which the beginning of a valid file may be refused."""
_ROW_OPTIONS: tuple[dict[str, Any], ...] = (
    {"calendar": "weekdays"},
    {"running_period": "drop"},
    {"frequency": "weekly", "running_period": "keep"},
    {"frequency": "monthly", "running_period": "keep"},
    {"sessions": "UTC", "running_period": "keep"},
)
"""Options that leave out rows or merge them."""
EXCUSABLE = ("rename_adjusted", "rename_column", "offset_dates", "zone_dates", "mistake_")
"""Mutations after which a printed finding suffices; combined with any other mutation, the content is unknown."""
LATE = pd.Timestamp("2200-01-01")
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
    price_case: PriceCase = case.payload
    assert case.path is not None
    try:
        panel, findings = load_panel("prices", path=case.path, settings=FileSettings(**price_case.options))
    except DataError as error:
        message = str(error)
        record_ending("refused: " + shorten_message(message, str(case.path), case.path.name))
        if price_case.expectation == "good":
            return Fault("refused", f"a sound file: {message}")
        # As of a date, an empty column belongs to an asset that is listed later.
        is_judged = price_case.as_of and "no number at all" not in message
        return check_message(message) or (_check_refused_as_of(case.path, price_case) if is_judged else None)
    record_ending(f"read, {price_case.expectation}")
    wrong = [fault for finding in findings if (fault := check_message(finding.message))]
    return next(iter(wrong), None) or _judge(case.path, price_case, panel, findings)


OTHER_NUMBERS = (
    "percent sign",
    "decimal comma",
    "separators of thousands",
    "in brackets",
    "has a unit",
    "minus sign",
)
"""What notes say about numbers of which the reference reader knows nothing."""


def _judge(path: Path, result: PriceCase, panel: Panel, findings: Sequence[Finding]) -> Fault | None:
    """Return the fault of a file that was read, if any."""
    says = [f for f in findings if f.severity == "warning" and not f.check.endswith(DESCRIPTIVE)]
    printed = [f.message for f in findings if f.severity == "warning"]
    says += [
        f for f in findings if f.check == INTERPRETATION and any(text in f.message for text in OTHER_NUMBERS)
    ]
    is_named = not (result.is_strict or result.expectation == "good") and (
        bool(says) or any(name in text for name in result.named for text in printed)
    )
    if result.expectation == "suspect" and not is_named:
        return Fault("wrong unit", "read without a finding")
    if result.expectation in ("good", "truth") and not is_named:
        if result.truth is None:
            return Fault("silent difference", "read, though no careful person can read it")
        if difference := find_difference(panel, result.truth, result.reading):
            return Fault("silent difference", difference)
    fault = None
    if result.expectation in ("good", "readers") and not is_named:
        fault = _ask_second_readers(path, result, panel)
    if fault is not None:
        return fault
    return _compare_as_of(path, result, panel, findings) if result.as_of else None


def _ask_second_readers(path: Path, result: PriceCase, panel: Panel) -> Fault | None:
    """Return a fault if the panel differs from the results of pandas and DuckDB, if those agree."""
    cells = read_by_both(path, result.is_parquet)
    if not result.is_parquet and path.suffix == ".csv":
        text = path.read_bytes().decode("utf-8", "replace")
        if has_open_quote(text):
            return Fault("silent difference", "a quoted cell runs over the end of its line, and was read")
    if cells is None:
        record_ending("read, second readers differ")
        return Fault("second readers", "differ on a sound file") if result.expectation == "good" else None
    try:
        content = read_content(*cells, result.reading)
    except MissingColumnError:
        return None  # a name was damaged, so the correct result is unknown
    except UnreadableError as error:
        return Fault("silent difference", f"read, but second readers find that {error}")
    difference = find_difference(panel, content, result.reading)
    return Fault("silent difference", f"from second readers: {difference}") if difference else None


def _check_refused_as_of(path: Path, result: PriceCase) -> Fault | None:
    """Return a fault if a file that is refused is read as of a date after its end, as updates read it."""
    try:
        load_panel("prices", path=path, known_by=LATE, settings=FileSettings(**result.options))
    except DataError as error:
        return check_message(str(error))
    return Fault("accepted as of a date", f"what is refused is read as of {LATE:%Y-%m-%d}")


def _without_counts(message: str) -> str:
    """Return a message without its numbers, and with each counted noun in the singular."""
    return re.sub(r"# (\w+?)s\b", r"# \1", re.sub(r"\d+", "#", message))


def _compare_as_of(path: Path, result: PriceCase, panel: Panel, findings: Sequence[Finding]) -> Fault | None:
    """Return a fault if the file, read as of a date, differs from the same dates of the full reading."""
    for date in (panel.dates[len(panel.dates) // 2], LATE):
        try:
            past, past_findings = load_panel(
                "prices", path=path, known_by=pd.Timestamp(date), settings=FileSettings(**result.options)
            )
        except DataError as error:
            alone = date != LATE and any(reason in str(error) for reason in TOO_SHORT)
            # A copy has all columns, including a damaged one that the other reading skips.
            alone = alone or (result.is_parquet and "cannot be read as a table" in str(error))
            return (
                None if alone else Fault("look-ahead", f"as of {date:%Y-%m-%d} the file is refused: {error}")
            )
        now = panel.as_of(pd.Timestamp(date))
        columns = [now.assets.index(name) for name in past.assets if name in now.assets]
        if len(columns) != len(past.assets) or list(past.dates) != list(now.dates):
            return Fault("look-ahead", f"as of {date:%Y-%m-%d} the file has other dates or assets")
        same = np.array_equal(past.returns, now.returns[:, columns], equal_nan=True)
        if not same or not np.array_equal(past.cash, now.cash, equal_nan=True):
            return Fault("look-ahead", f"as of {date:%Y-%m-%d} the returns or cash are others")
    # A copy has no blank lines, so its last line may have another number.
    now_says, past_says = ({_without_counts(f.message) for f in fs} for fs in (findings, past_findings))
    missing = now_says - past_says
    return Fault("lost finding", f"not found as of {LATE:%Y-%m-%d}: {min(missing)}") if missing else None
