"""Fuzzer of requests to `tangency serve`: mutated bodies and headers, sent to the application in process.

A fault is a status of 500 or more, a response that is not JSON or shows a stack trace, a status of 200 for an invalid
table, a refusal of a valid table, or a response that differs from the model's forecast in any bit.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

# isort: off
# Add the shared code of the tests to the path before the other imports, which need it.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "contracts"))
from served import (
    ASSETS,
    COLUMNS,
    Answer,
    application,
    ask,
    make_model,
    make_rows,
    to_records,
    to_table,
)

from benchmarks.fuzz.cases import Case, Fault, check_message, record_ending, shorten_message
from benchmarks.fuzz.request_bodies import OUTSIDE, change_bytes, change_the_object
from benchmarks.fuzz.request_tables import INVALID, VALID, Draft, Mutation, Rng
from pipeline.export.frozen import Frozen

# isort: on

BIG = 1e200
"""Magnitude beyond which a forecast may overflow, and may be refused for that reason."""


def mutate(rng: Rng, folder: Path) -> Case:
    """Create a request."""
    draft = Draft(make_rows(rng))
    for number in rng.choice(len(VALID), int(rng.integers(4)), replace=False):
        _apply(VALID[number], draft, rng)
    kind = rng.random()
    if kind < 0.35:
        draft.valid = False
        _apply(INVALID[int(rng.integers(len(INVALID)))], draft, rng)
    _write_content(draft, rng)
    outside = OUTSIDE[int(rng.integers(len(OUTSIDE)))] if 0.35 <= kind < 0.6 else None
    if outside is change_the_object:
        _apply(outside, draft, rng)
    draft.body = json.dumps(draft.content, indent=[None, None, 2][int(rng.integers(3))]).encode()
    if outside is not None:
        draft.valid = False
        if outside is not change_the_object:
            _apply(outside, draft, rng)
    if kind > 0.8:
        draft.valid = None
        _apply(change_bytes, draft, rng)
    draft.chunk = int(rng.choice([7, 100, 2**16])) if len(draft.body) < 10_000 else 2**16
    (folder / "request.json").write_bytes(draft.body)
    return Case("requests", ", ".join(draft.notes) or "unchanged", folder / "request.json", draft)


def _apply(mutation: Mutation, draft: Draft, rng: Rng) -> None:
    mutation(draft, rng)
    draft.notes.append(getattr(mutation, "__name__", "?"))


def _write_content(draft: Draft, rng: Rng) -> None:
    """Write the table in its form."""
    named = all(isinstance(name, str) for name in draft.columns) and len({*draft.columns}) == len(
        draft.columns
    )
    if draft.form == "records" and named:
        order = rng.permutation(len(draft.columns))
        records = [{draft.columns[n]: row[n] for n in order} for row in draft.rows]
        draft.content = {"dataframe_records": records}
    else:
        table = {"columns": draft.columns, "data": draft.rows}
        if rng.random() < 0.2:
            table["index"] = list(range(len(draft.rows)))
        draft.content = {"dataframe_split": table}
    if rng.random() < 0.1:
        draft.content["params"] = [None, {}][int(rng.integers(2))]


@functools.cache
def _served() -> tuple[Frozen, Any]:
    model = make_model()
    return model, application(model)


def check(case: Case) -> Fault | None:
    """Send the request, and judge the response."""
    draft: Draft = case.payload
    model, app = _served()
    answer = ask(
        app,
        draft.path,
        method=draft.method,
        body=draft.body,
        headers=draft.headers,
        chunk=draft.chunk,
    )
    if answer.raised is not None or answer.status >= 500:
        return Fault("server fault", f"status {answer.status}: {answer.raised!r}")
    if b"Traceback" in answer.body or b'File \\"' in answer.body:
        return Fault("traceback", answer.body[:500].decode())
    try:
        content = answer.json
    except ValueError as error:
        return Fault("invalid JSON", f"{error}: {answer.body[:200]!r}")
    if answer.status != 200:
        record_ending(f"{answer.status}: {shorten_message(content['error'])}")
        return _check_refusal(draft, answer, model)
    record_ending("answered")
    if draft.valid is False:
        return Fault("invalid table answered", f"{case.description}: {draft.body[:300]!r}")
    difference = _find_difference(draft, content["predictions"], model)
    return Fault("silent difference", difference) if difference else None


def _check_refusal(draft: Draft, answer: Answer, model: Frozen) -> Fault | None:
    message = answer.json["error"]
    if draft.valid and not ("overflows" in message and _is_extreme(draft.rows)):
        return Fault("valid table refused", message)
    if answer.body.count(b"\n") != 1 or any(ord(sign) < 32 for sign in message):
        return Fault("message", f"not one line of visible text: {message!r}")
    return check_message(message)


def _is_extreme(rows: list[list[Any]]) -> bool:
    return any(
        isinstance(cell, (int, float)) and cell and not 1 / BIG < abs(cell) < BIG
        for row in rows
        for cell in row
    )


def _find_difference(draft: Draft, predictions: list[dict[str, Any]], model: Frozen) -> str:
    """Compare with the forecast for the table as read by Python and pandas; return "" if there is no difference."""
    if draft.valid:
        width = len(COLUMNS)
        rows = [row[:width] for row in draft.rows]
        table = to_table(rows)
    else:
        content = json.loads(draft.body)
        if "dataframe_split" in content:
            split = content["dataframe_split"]
            table = to_table(split["data"], split["columns"])
        else:
            records = content["dataframe_records"]
            table = to_table([list(record.values()) for record in records], list(records[0]))
        unknown = set(table["asset"]) - set(ASSETS)
        if unknown or table["asset"].duplicated().any() or (table["risk"] < 0).any():
            return f"an answer for assets {list(table['asset'])} with risk {list(table['risk'])}"
    with np.errstate(all="ignore"):
        expected = to_records(model.forecast(table))
    return "" if predictions == expected else f"{predictions} instead of {expected}"
