"""Mutations of the table of a request, before it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from served import COLUMNS

Rng = np.random.Generator


@dataclass
class Draft:
    """A request that is not yet sent.

    Attributes
    ----------
    rows : list of list
        The intended table, with the columns of `COLUMNS`.
    columns : list of str
    form : str
        "split" or "records".
    content : object
        Content of the body, once the table has its form.
    body : bytes
    headers : dict
    path, method : str
    chunk : int
    valid : bool or None
        None if it is unknown, because bytes were changed at random.
    notes : list of str
    """

    rows: list[list[Any]]
    columns: list[Any] = field(default_factory=lambda: list(COLUMNS))
    form: str = "split"
    content: Any = None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    path: str = "/invocations"
    method: str = "POST"
    chunk: int = 2**16
    valid: bool | None = True
    notes: list[str] = field(default_factory=list)


Mutation = Callable[[Draft, Rng], object]


def _cell(draft: Draft, rng: Rng, names: tuple[str, ...] = COLUMNS[1:]) -> tuple[int, int]:
    return int(rng.integers(len(draft.rows))), COLUMNS.index(str(rng.choice(names)))


def _put(draft: Draft, place: tuple[int, int], value: Any) -> None:
    draft.rows[place[0]][place[1]] = value


# Tables that are valid.


def shuffle_rows(draft: Draft, rng: Rng) -> None:
    draft.rows = [draft.rows[n] for n in rng.permutation(len(draft.rows))]


def leave_rows_out(draft: Draft, rng: Rng) -> None:
    draft.rows = draft.rows[: int(rng.integers(1, len(draft.rows) + 1))]


def remove_a_value(draft: Draft, rng: Rng) -> None:
    _put(draft, _cell(draft, rng), None)


def remove_a_column_of_values(draft: Draft, rng: Rng) -> None:
    for row in draft.rows:
        row[1 + int(rng.integers(4))] = None


def use_integers(draft: Draft, rng: Rng) -> None:
    _put(draft, _cell(draft, rng), int(rng.integers(0, 3)))


def use_a_long_integer(draft: Draft, rng: Rng) -> None:
    _put(draft, _cell(draft, rng), 10 ** int(rng.integers(15, 250)))


def use_an_extreme_number(draft: Draft, rng: Rng) -> None:
    value = float(rng.choice([1e-320, 1e-300, 5e-324, 1e250, 1.7e308, 1e17, 0.1 + 0.2]))
    _put(draft, _cell(draft, rng), value)


def use_a_negative_number(draft: Draft, rng: Rng) -> None:
    _put(draft, _cell(draft, rng, (*COLUMNS[1:-2], "baseline")), float(rng.choice([-0.0, -3.5, -1e250])))


def make_an_asset_riskless(draft: Draft, rng: Rng) -> None:
    _put(draft, _cell(draft, rng, ("risk",)), rng.choice([0, 0.0, -0.0]).item())


def add_a_column(draft: Draft, rng: Rng) -> None:
    draft.columns.append("date")
    for row in draft.rows:
        row.append(rng.choice(["2024-05-31", "", "NaN"]).item())


def use_records(draft: Draft, rng: Rng) -> None:
    draft.form = "records"


VALID: tuple[Mutation, ...] = (
    shuffle_rows,
    leave_rows_out,
    remove_a_value,
    remove_a_column_of_values,
    use_integers,
    use_a_long_integer,
    use_an_extreme_number,
    use_a_negative_number,
    make_an_asset_riskless,
    add_a_column,
    use_records,
)

# Tables that are not.


def repeat_an_asset(draft: Draft, rng: Rng) -> None:
    draft.rows.append(list(draft.rows[int(rng.integers(len(draft.rows)))]))


def name_an_unknown_asset(draft: Draft, rng: Rng) -> None:
    names = ["", "alpha", " ALPHA", "ALPHA\u200b", "BETA\x00", "U\u0308n\u00efcode", "NEW", "A" * 100_000]
    names += ["\ud800", "=1+1", "../../etc/passwd", "<script>", "\r\nSet-Cookie: a=b"]
    _put(draft, (int(rng.integers(len(draft.rows))), 0), str(rng.choice(np.array(names, dtype=object))))


def name_no_asset(draft: Draft, rng: Rng) -> None:
    value: Any = [None, 1, 0.5, True, [], ["ALPHA"], {}][int(rng.integers(7))]
    _put(draft, (int(rng.integers(len(draft.rows))), 0), value)


def use_a_value_of_another_type(draft: Draft, rng: Rng) -> None:
    values: list[Any] = [True, False, "0.1", "", "nan", [], [0.1], {}, {"a": 1}, "1e5"]
    _put(draft, _cell(draft, rng), values[int(rng.integers(len(values)))])


def use_a_number_that_is_not_finite(draft: Draft, rng: Rng) -> None:
    _put(draft, _cell(draft, rng), float(rng.choice([np.nan, np.inf, -np.inf])))


def use_an_integer_beyond_float(draft: Draft, rng: Rng) -> None:
    _put(draft, _cell(draft, rng), 10 ** int(rng.integers(309, 4000)))


def make_risk_negative(draft: Draft, rng: Rng) -> None:
    _put(draft, _cell(draft, rng, ("risk",)), float(rng.choice([-1e-320, -0.1, -1.0, -1e300])))


def leave_a_column_out(draft: Draft, rng: Rng) -> None:
    place = int(rng.integers(len(COLUMNS)))
    draft.columns.pop(place)
    for row in draft.rows:
        row.pop(place)


def rename_a_column(draft: Draft, rng: Rng) -> None:
    names = np.array(["", "x", None, 3, "RISK", [], COLUMNS[0]], dtype=object)
    place = 1 + int(rng.integers(len(COLUMNS) - 1))
    draft.columns[place] = names[int(rng.integers(len(names)))]


def make_a_row_ragged(draft: Draft, rng: Rng) -> None:
    draft.form = "split"
    row = draft.rows[int(rng.integers(len(draft.rows)))]
    if rng.random() < 0.5:
        row.pop()
    else:
        row.append(0.1)


def leave_all_rows_out(draft: Draft, rng: Rng) -> None:
    draft.rows = []


INVALID: tuple[Mutation, ...] = (
    repeat_an_asset,
    name_an_unknown_asset,
    name_no_asset,
    use_a_value_of_another_type,
    use_a_number_that_is_not_finite,
    use_an_integer_beyond_float,
    make_risk_negative,
    leave_a_column_out,
    rename_a_column,
    make_a_row_ragged,
    leave_all_rows_out,
)
