"""What is a table for the model is read to the bit; whatever else is refused, and the message says where and what."""

import json

import numpy as np
import pandas as pd
import pytest
from served import ASSETS, COLUMNS, FEATURES, make_model, make_rows, split, to_table

from operations.serving.answers import RequestError
from operations.serving.requests import largest_body, parse_table


@pytest.fixture(scope="module")
def model():
    return make_model()


def refused(content, model):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(RequestError) as caught:
        parse_table(body, model)
    assert 400 <= caught.value.status < 500
    return str(caught.value)


def changed(row, column, value):
    rows = make_rows()
    rows[row][COLUMNS.index(column)] = value
    return split(rows)


def test_both_forms_give_the_same_numbers_whatever_the_order_of_columns_and_rows(model):
    rows = make_rows()
    rows[1][2] = None
    expected = to_table(rows)
    records = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    turned = [dict(reversed(record.items())) | {"date": "2024-05-31"} for record in records]
    whole = split(rows)
    whole["dataframe_split"]["index"] = list(range(len(rows)))
    for content in (whole, {"dataframe_records": records, "params": {}}, {"dataframe_records": turned}):
        table = parse_table(json.dumps(content, indent=4).encode(), model)
        pd.testing.assert_frame_equal(table, expected, check_exact=True, check_column_type=False)


def test_integers_missing_values_and_a_riskless_asset_are_read(model):
    rows = make_rows()
    rows[0][1:] = [1, -(2**70), None, 0, 0, None]
    table = parse_table(json.dumps(split(rows)).encode(), model)
    np.testing.assert_array_equal(
        table.iloc[0, 1:].to_numpy(dtype=float), [1.0, -(2.0**70), np.nan, 0, 0, np.nan]
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["line 1, column 1", "not valid JSON", "dataframe_split"]),
        (b"\xff\xfe{}", ["byte 0", "UTF-8"]),
        (b"[" * 100_000 + b"]" * 100_000, ["nested too deeply"]),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, ["nested too deeply"]),
        (b'{"dataframe_split": ' + b"9" * 5000 + b"}", ["too many digits"]),
        (b'{"params": 1e5, "params": {}}', ['"params"', "twice"]),
        ([], ["a list", "dataframe_split"]),
        ({}, ["0 tables"]),
        ({"inputs": []}, ['"inputs"', "not known"]),
        ({"params": {"x": 1}, **split(make_rows())}, ['"params"', "not known"]),
        ({**split([]), "dataframe_records": []}, ["2 tables"]),
        ({"dataframe_split": [1]}, ["dataframe_split: a list is no table"]),
        ({"dataframe_split": {"columns": list(COLUMNS)}}, ["dataframe_split.data: is missing"]),
        ({"dataframe_split": {"columns": [], "data": [], "rows": 1}}, ['"rows"']),
        (split(make_rows(), [7, *COLUMNS[1:]]), ["columns: 7 is no name"]),
        (split([]), ["there is no row"]),
        ({"dataframe_records": []}, ["7 of the 7", "missing: asset"]),
        ({"dataframe_records": ["x"]}, ["row 1: a text"]),
        ({"dataframe_records": [{"asset": "BETA"}, {"asset": "BETA", "risk": 1}]}, ["row 2", '"risk"']),
        (split([make_rows()[0], make_rows()[1][:-1]]), ["row 2: 6 cells", "7 cells"]),
        (split([*make_rows(), 3]), ["row 7: a number"]),
        (
            {"dataframe_split": {**split(make_rows())["dataframe_split"], "index": [1]}},
            ["1 label of 6 rows"],
        ),
        (split(make_rows(), ["asset", "retrun_1", *COLUMNS[2:]]), ["1 of the 7", "missing: return_1"]),
        (split(make_rows(), ["asset", "asset", *COLUMNS[2:]]), ['"asset"', "twice"]),
        (split([*make_rows(), make_rows()[2]]), ['row 7: "GAMMA" is in row 3 too']),
        (changed(2, "asset", "GAMA"), ['row 3: the model was not trained on "GAMA"', "'GAMMA'", "ALPHA"]),
        (changed(2, "asset", " GAMMA"), ["not trained on"]),
        (changed(2, "asset", "\ud800" * 9999), ["not trained on"]),
        (changed(2, "asset", None), ["row 3: null is no name"]),
        (changed(2, "asset", 3), ["row 3: 3 is no name"]),
        (changed(2, "risk", -0.01), ['risk of "GAMMA": -0.01 is negative']),
        (changed(2, "risk", True), ['risk of "GAMMA": true is no number']),
        (changed(2, "market", "0.1"), ['market of "GAMMA": "0.1" is no number']),
        (changed(2, "market", [0.1]), ['market of "GAMMA": a list is no number']),
        (changed(2, "market", 10**400), ['market of "GAMMA"', "too large"]),
        (changed(2, "market", float("nan")), ["NaN", "null"]),
        (changed(2, "risk", float("-inf")), ["-Infinity", "null"]),
        (
            json.dumps(changed(2, "market", 777.25)).replace("777.25", "1e999").encode(),
            ["market", "too large"],
        ),
    ],
)
def test_a_wrong_request_is_refused_and_the_message_says_where_and_what(content, words, model):
    message = refused(content, model)
    assert [word for word in words if word not in message] == [], message
    assert len(message) < 1000


def test_all_assets_as_indented_records_fit_into_the_largest_body(model):
    wide = type(model)({**model.spec, "assets": [f"asset {n:05d}" for n in range(5000)]})
    record = dict.fromkeys(("asset", *FEATURES, "risk", "baseline"), 1.2345678901234567e-200)
    records = [record | {"asset": name} for name in wide.assets]
    body = json.dumps({"dataframe_records": records}, indent=4).encode()
    assert 2**20 < len(body) <= largest_body(wide)
    assert len(parse_table(body, wide)) == 5000
    assert largest_body(model) == 2**20, f"{len(ASSETS)} assets need less"
