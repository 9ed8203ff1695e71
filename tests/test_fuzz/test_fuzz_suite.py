"""A thousand mutated inputs: each is read right, or refused with one message."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.fuzz.dated_files.clocks import LAGS, STAMPS
from benchmarks.fuzz.dated_files.tables import TRANSFORMS
from benchmarks.fuzz.driver import KINDS
from benchmarks.fuzz.price_files.contents import CONTENTS
from benchmarks.fuzz.price_files.dialects import DIALECTS, SOUND
from benchmarks.fuzz.price_files.meanings import MEANINGS
from benchmarks.fuzz.running import run_cases_here
from benchmarks.fuzz.vendor_files.layouts import LAYOUTS

NUMBERS = {"prices": 500, "vendors": 150, "series": 150, "configs": 150, "holdings": 80, "requests": 50}
FUZZERS = Path(__file__).parents[2] / "benchmarks" / "fuzz"
MUTATIONS = {
    "prices": [
        *(f" {mutation.__name__}: " for mutation in (*SOUND, *CONTENTS, *MEANINGS, *DIALECTS)),
        *("reshape_parquet", "cut at byte", "inserted at", "random bytes", "compressed file cut"),
    ],
    "vendors": [
        *(f"{layout.__name__} " for layouts in LAYOUTS.values() for layout in layouts),
        *(
            "garbage: row",
            "drop cell: row",
            "names again above",
            "blank line: blank",
            "drop setting: without",
        ),
        *(
            "wrong setting: {",
            "workbook, ",
            "cut at byte",
            "title rows",
            "footer",
            "three rows a day",
            "months of days",
        ),
        *("last row twice", "rows reversed", "other sheet before", "na_values", "date_format", "skip_rows"),
    ],
    "series": [
        *(f"form={form!r}" for forms in STAMPS.values() for form in forms),
        *(f"lag={lag!r}" for lag in LAGS),
        *(f"transform={transform!r}" for transform in TRANSFORMS),
        *(
            "codes=True",
            "'columns': 'all'",
            "known_at='filed'",
            "asset='symbol'",
            "early: row",
            "cut at byte",
        ),
    ],
}
"""What the descriptions of cases must mention, or the search does not try it."""


@pytest.mark.parametrize("kind", [kind for kind in NUMBERS if (FUZZERS / f"{kind}.py").exists()])
def test_mutated_inputs_are_read_right_or_refused_with_one_message(kind, tmp_path):
    results = list(run_cases_here(KINDS[kind], range(NUMBERS[kind]), tmp_path, time_limit=30.0))
    notes = " ".join(result.description for result in results)
    assert [text for text in MUTATIONS.get(kind, ()) if text not in notes] == []
    # A search in which every case ends alike finds nothing.
    assert len(Counter(result.ending for result in results)) > 3
    faults = [f"seed {r.seed}: {r.fault.kind}: {r.fault.text} ({r.description})" for r in results if r.fault]
    assert faults == []
