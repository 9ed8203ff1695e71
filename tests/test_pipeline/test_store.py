"""The store: reuse what is whole, make again what is not."""

import pickle
import tracemalloc
from functools import partial

import numpy as np
import pandas as pd
import pytest

from pipeline import store as module
from pipeline.store import Store, key_of, write_whole


def counting(value):
    calls = []

    def make():
        calls.append(1)
        return value

    return make, calls


def test_a_result_is_made_once(tmp_path):
    make, calls = counting({"x": np.arange(3.0)})
    store = Store(tmp_path)
    first, reused = store.get("stage", "k", make)
    again, reused_again = store.get("stage", "k", make)
    assert (reused, reused_again, len(calls)) == (False, True, 1)
    np.testing.assert_array_equal(first["x"], again["x"])


def test_fresh_ignores_what_is_stored_and_replaces_it(tmp_path):
    Store(tmp_path).get("stage", "k", lambda: "old")
    assert Store(tmp_path, fresh=True).get("stage", "k", lambda: "new") == ("new", False)
    assert Store(tmp_path).get("stage", "k", lambda: "unused") == ("new", True)


VALUES = {
    "small": {"x": 1, "words": ["a", "b"]},
    "order C": np.arange(24.0).reshape(2, 3, 4),
    "order F": np.asfortranarray(np.arange(12).reshape(3, 4)),
    "not contiguous": np.arange(24.0).reshape(4, 6)[::2, ::3],
    "of objects": np.array(["a", None, 3.5], dtype=object),
    "no elements": np.empty((0, 5)),
    "frame": pd.DataFrame(
        {"a": [1.5, np.nan], "b": ["x", "y"]}, index=pd.date_range("2020-01-31", periods=2)
    ),
    "many": [np.full(n, n, dtype=np.int8) for n in range(70)],
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_what_is_kept_comes_back_the_same_and_may_be_written_to(tmp_path, value):
    store = Store(tmp_path)
    store.get("stage", "k", lambda: value)
    kept = store.peek("stage", "k")
    assert pickle.dumps(kept) == pickle.dumps(pickle.loads(pickle.dumps(value)))
    if isinstance(kept, np.ndarray):
        assert kept.flags.writeable
        assert kept.strides == pickle.loads(pickle.dumps(value)).strides
        kept[...] = 0
        np.testing.assert_array_equal(store.peek("stage", "k"), value)


def test_large_arrays_are_not_copied_on_their_way(tmp_path):
    large = np.ones(10_000_000)
    store = Store(tmp_path)
    tracemalloc.start()
    store.get("stage", "k", lambda: large)
    written = tracemalloc.get_traced_memory()[1]
    store.peek("stage", "k")
    read = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert written < large.nbytes / 10
    assert read < 1.1 * large.nbytes


def _flipped(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[:-1],
        lambda b: b[:20],
        lambda b: b"",
        *(partial(_flipped, place=place) for place in (0, 40, 64, 130)),
    ],
)
def test_a_damaged_file_is_made_again(tmp_path, damage):
    store = Store(tmp_path)
    store.get("stage", "k", lambda: "a value that is long enough to be damaged")
    path = tmp_path / "stage" / "k.pickle"
    path.write_bytes(damage(path.read_bytes()))
    assert store.get("stage", "k", lambda: "again") == ("again", False)
    assert store.get("stage", "k", lambda: "unused") == ("again", True)


def test_a_failure_stores_nothing(tmp_path):
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Store(tmp_path).get("stage", "k", fail)
    assert list(tmp_path.rglob("*")) == []


def test_keys_tell_inputs_and_code_apart(monkeypatch):
    assert key_of("a", "b") == key_of("a", "b")
    assert key_of("a", "b") != key_of("ab")
    assert key_of("a", "b") != key_of("b", "a")
    before = key_of("a")
    monkeypatch.setattr(module, "code_digest", lambda: "other code")
    assert key_of("a") != before


def test_the_code_digest_covers_every_computing_room():
    root = module.Path(module.__file__).resolve().parent.parent
    for room in module.COMPUTING:
        assert list((root / room).glob("*.py")), f"{room} is not hashed"
    assert len(module.code_digest()) == 64


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_whole(path, b"old")

    def killed(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
