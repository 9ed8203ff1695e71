"""A stored value comes back with the same bits, types and order, and what cannot be stored is named."""

import pickle
import struct
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from identical import difference
from storable import random_plain, random_value

from pipeline.audit.certificate import Certificate
from pipeline.report.text_table import Column
from pipeline.store.archive import ALIGNED, pack, unpack
from pipeline.store.errors import StorableError
from pipeline.store.types import STAGES, stage_type

KEY = "0" * 64
SEEDS = st.integers(0, 2**32 - 1).map(np.random.default_rng)
# The values come from the generator: nothing could be made smaller by trying other seeds.
FEW = settings(max_examples=60, derandomize=True, deadline=None, database=None, phases=[Phase.generate])


def stored(value, stage):
    """Return what comes back of a value, from memory that may be written to, as that of a file is."""
    content = bytearray(b"".join(pack(stage, KEY, value)))
    assert len(content) % ALIGNED == 0
    return unpack(memoryview(content), stage, KEY)


def again(value):
    """Return what comes back of any value that an annotation `Any` allows."""
    return stored(Certificate({"value": value}, 0, (), (), ()), "audit").record["value"]


@pytest.mark.parametrize("stage", STAGES)
def test_results_of_every_stage_come_back_bit_for_bit(stage):
    @FEW
    @given(rng=SEEDS)
    def check(rng):
        value = random_value(stage_type(stage), rng)
        assert difference(value, stored(value, stage)) == ""

    check()


@settings(FEW, max_examples=300)
@given(rng=SEEDS)
def test_plain_values_come_back_bit_for_bit(rng):
    value = random_plain(rng)
    assert difference(value, again(value)) == ""


def test_all_bits_of_a_number_come_back():
    for bits in (0x7FF8000000000001, 0xFFF0DEADBEEF0001, 0x7FF0000000000000, 0x8000000000000000, 1):
        value = struct.unpack("<d", struct.pack("<Q", bits))[0]
        assert struct.unpack("<Q", struct.pack("<d", again(value)))[0] == bits
    for value in (2**63 - 1, 2**63, -(2**63), -(2**64), 10**5000, True, False):
        assert again(value) == value
        assert type(again(value)) is type(value)


ARRAYS = {
    "order C": np.arange(24.0).reshape(2, 3, 4),
    "order F": np.asfortranarray(np.arange(12).reshape(3, 4)),
    "not contiguous": np.arange(24.0).reshape(4, 6)[::2, ::3],
    "one column": np.arange(24.0).reshape(4, 6)[:, 2],
    "reversed": np.arange(5)[::-1],
    "repeated": np.broadcast_to(np.arange(3.0), (2, 3)),
    "no elements": np.empty((0, 5)),
    "no dimension": np.array(2.5),
    "dates": pd.date_range("2020-01-31", periods=2).to_numpy(),
}


@pytest.mark.parametrize("value", ARRAYS.values(), ids=ARRAYS)
def test_arrays_lie_as_pickle_lays_them(value):
    kept = again(value)
    expected = pickle.loads(pickle.dumps(value))
    assert kept.strides == expected.strides
    assert kept.dtype == expected.dtype
    np.testing.assert_array_equal(kept, value)


def test_one_array_in_two_places_is_stored_once_and_stays_one():
    array = np.ones(10_000)
    size = sum(map(len, pack("audit", KEY, Certificate({"a": array, "b": (array,)}, 0, (), (), ()))))
    assert size < 1.1 * array.nbytes
    kept = again({"a": array, "b": (array,), "c": array.copy()})
    assert kept["a"] is kept["b"][0]
    assert not np.shares_memory(kept["a"], kept["c"])


def test_the_same_value_gives_the_same_file():
    values = [{"set": frozenset(order), "x": np.arange(3)} for order in ("abcdef", "fedcba")]
    first, second = (b"".join(pack("audit", KEY, Certificate(v, 0, (), (), ()))) for v in values)
    assert first == second


@dataclass(frozen=True)
class Unlisted:
    x: int


class Colour(Enum):
    RED = 1


class Words(dict):
    pass


@pytest.mark.parametrize(
    "value",
    [
        Unlisted(1),
        Colour.RED,
        Words(),
        np.array(["a", None], dtype=object),
        np.zeros(2, dtype=[("a", "f8")]),
        np.ma.masked_array([1.0]),
        pd.DataFrame({"a": [1]}),
        pd.Timestamp("2020-01-31"),
        len,
        lambda: None,
        1j,
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_stored_is_named_with_its_place(value):
    with pytest.raises(StorableError, match=r"audit\.record\.outer\[0\]\.inner: ") as caught:
        pack("audit", KEY, Certificate({"outer": [{"inner": value}]}, 0, (), (), ()))
    kind = type(value)
    expected = (
        f"an array of {value.dtype}" if kind is np.ndarray else f"{kind.__module__}.{kind.__qualname__}"
    )
    assert expected in str(caught.value)


def test_a_value_that_contains_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(StorableError, match="contains itself"):
        again(value)


def test_a_result_that_is_not_what_its_annotations_say_is_refused():
    with pytest.raises(
        StorableError, match=r"audit: got pipeline\.report\.text_table\.Column, expected Certificate"
    ):
        pack("audit", KEY, Column())
    with pytest.raises(StorableError, match=r"audit\.seed: got builtins\.str, expected int"):
        pack("audit", KEY, Certificate({}, "0", (), (), ()))
    with pytest.raises(StorableError, match=r"audit\.cuts\[1\]: got builtins\.int, expected dict"):
        pack("audit", KEY, Certificate({}, 0, ({}, 1), (), ()))


def test_an_attribute_that_is_not_annotated_is_refused():
    value = Certificate({}, 0, (), (), ())
    value.__dict__["extra"] = 1
    with pytest.raises(StorableError, match="without an annotation: extra"):
        pack("audit", KEY, value)


def test_numbers_are_readable_json():
    text = b"".join(pack("audit", KEY, Certificate({"values": [0.1, -1e-310, 7]}, 0, (), (), ())))
    assert b'{"values":["list",0.1,-1e-310,7]}' in text
