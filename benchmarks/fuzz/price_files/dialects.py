"""Mutations of the format of a file: its content stays the same, so it must be read correctly or refused."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.fuzz.price_files.corpus import Rng, choose
from benchmarks.fuzz.price_files.drafts import RAW, Draft


def change_separator(draft: Draft, rng: Rng) -> str | None:
    """Use another separator than the comma."""
    draft.style.separator = choose(rng, (";", "\t", "|", " ", ", ", ",,"))
    return f"separator {draft.style.separator!r}"


def change_encoding(draft: Draft, rng: Rng) -> str | None:
    """Use another encoding."""
    draft.style.encoding = choose(
        rng, ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-8-sig")
    )
    return f"encoding {draft.style.encoding}"


def change_line_ends(draft: Draft, rng: Rng) -> str | None:
    """Use other line ends."""
    draft.style.line_end = choose(rng, ("\r", "\r\n", "\n\n", "\r\r\n", "\n\r", "\x0b", "\u2028"))
    return f"line ends {draft.style.line_end!r}"


def drop_last_line_end(draft: Draft, _rng: Rng) -> str | None:
    """Omit the end of the last line."""
    draft.style.final_line_end = False
    return "no line end at the end"


def write_above(draft: Draft, rng: Rng) -> str | None:
    """Write lines above the header."""
    end = draft.style.line_end
    line = choose(
        rng, ("# downloaded", "", "Prices of some assets", "sep=,", ",,,", "\ufeff", " ", '"', "Price,Close")
    )
    draft.style.before = line + end
    return f"line above the header: {line!r}"


def write_below(draft: Draft, rng: Rng) -> str | None:
    """Write lines below the table."""
    end, commas = draft.style.line_end, "," * (len(draft.header) - 1)
    line = choose(
        rng,
        (
            "",
            "Source: vendor",
            commas,
            "Total" + commas,
            ",".join(draft.header),
            " ",
            "\x1a",
            '"',
            "\x00",
            "\n\n\n",
        ),
    )
    draft.style.after = line + choose(rng, (end, ""))
    return f"line below the table: {line!r}"


def write_units(draft: Draft, _rng: Rng) -> str | None:
    """Write a second line of headers, with units."""
    draft.rows.insert(0, ["", *["USD"] * (len(draft.header) - 1)])
    return "a line of units below the header"


def repeat_header(draft: Draft, rng: Rng) -> str | None:
    """Repeat the header in the middle, as if two files were concatenated."""
    at = int(rng.integers(0, len(draft.rows) + 1))
    draft.rows.insert(at, list(draft.header))
    return f"header again at row {at}"


def drop_header(draft: Draft, _rng: Rng) -> str | None:
    """Omit the header."""
    if not draft.rows:
        return None
    former, draft.header = draft.header, draft.rows.pop(0)
    if draft.reading.layout == "wide" and draft.header and draft.header[0] == "":
        # The line below was one of units: its cells are the names that are left.
        for old, new in zip(former, draft.header, strict=True):
            if old != draft.reading.date:
                _rename_asset(draft, old, new)
    return "no header"


def rename_column(draft: Draft, rng: Rng) -> str | None:
    """Rename a column to a word with a meaning, or to an empty name."""
    column = int(rng.integers(len(draft.header)))
    words = (
        "",
        "date",
        "Date",
        "cash",
        "close",
        "volume",
        "index",
        "Unnamed: 0",
        "year",
        "asset",
        "value",
        "note",
    )
    name = choose(
        rng, (*words, " " + draft.header[column], draft.header[column].upper(), "x" * 3000, "a\nb", "a,b")
    )
    former, draft.header[column] = draft.header[column], name
    draft.named += (name.strip(),) if name.strip() else ()
    if draft.reading.layout == "wide" and former != draft.reading.date:
        _rename_asset(draft, former, name.strip())
    return f"column {column} is called {name[:40]!r}"


def _rename_asset(draft: Draft, former: str, name: str) -> None:
    """Rename an asset of a wide table; if the new name has a meaning, the column may be ignored."""
    if draft.truth is None or former not in draft.truth.assets or draft.is_strict:
        draft.expectation = "anything"
        return
    assets = tuple(name if asset == former else asset for asset in draft.truth.assets)
    is_sound = name != "" and len(set(draft.header)) == len(draft.header)
    draft.truth = replace(draft.truth, assets=assets) if is_sound else None


def blank_lines(draft: Draft, rng: Rng) -> str | None:
    """Insert lines without cells, or with only empty cells."""
    at = int(rng.integers(0, len(draft.rows) + 1))
    empty = choose(rng, ([], [""] * len(draft.header), [" "] * len(draft.header)))
    draft.rows.insert(at, empty)
    return f"an empty line of {len(empty)} cells at row {at}"


def pad_cells(draft: Draft, rng: Rng) -> str | None:
    """Put blanks around cells."""
    pad = choose(rng, (" ", "  ", "\t", "\u00a0"))
    draft.rows = [
        [RAW + pad + cell[1:] + pad if cell.startswith(RAW) else pad + cell + pad for cell in row]
        for row in draft.rows
    ]
    return f"cells padded by {pad!r}"


def change_ending(draft: Draft, rng: Rng) -> str | None:
    """Give the file the extension of another type."""
    draft.style.ending = choose(rng, (".CSV", ".csv.GZ", ".txt", ".csv", ".csv.gz", ".csv.bz2", ".tsv", ""))
    return f"ending {draft.style.ending!r}"


def shuffle_rows(draft: Draft, rng: Rng) -> str | None:
    """Write the rows in another order."""
    draft.rows = [draft.rows[n] for n in rng.permutation(len(draft.rows))]
    return "rows shuffled"


DIALECTS = (
    *(change_separator, change_encoding, change_line_ends, drop_last_line_end, write_above, write_below),
    *(write_units, repeat_header, drop_header, rename_column, blank_lines, pad_cells, change_ending),
    *(shuffle_rows, rename_column, drop_last_line_end),
)
OF_PARQUET = (rename_column, write_units, repeat_header, shuffle_rows)
"""Mutations that also apply to Parquet files."""


def reverse_rows(draft: Draft, _rng: Rng) -> str | None:
    """Write the newest row first."""
    draft.rows.reverse()
    return "newest row first"


def reorder_columns(draft: Draft, rng: Rng) -> str | None:
    """Write columns in another order, including the header."""
    order = [int(n) for n in rng.permutation(len(draft.header))]
    order.sort(key=lambda n: draft.header[n] != "")  # a column without a name comes first
    if any(len(row) != len(order) for row in draft.rows):
        return None
    draft.header = [draft.header[n] for n in order]
    draft.rows = [[row[n] for n in order] for row in draft.rows]
    return "columns in another order"


SOUND = (reverse_rows, reorder_columns)
"""Mutations after which a file must still be read."""
