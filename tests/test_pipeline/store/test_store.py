"""The store: reuse what is whole, make again what is not."""

import os
import shutil
import tracemalloc
from functools import partial

import numpy as np
import pytest

from pipeline.audit.certificate import Certificate
from pipeline.files import write_whole
from pipeline.store import Store, digests, key_of
from pipeline.store.archive import MAGIC, SCHEMA

STAGE = "audit"
KEY = "0" * 64


def result(value):
    """Return a result of `STAGE` with a value in it."""
    return Certificate({"value": value}, 0, (), (), ())


def unwrap(certificate):
    return certificate.record["value"]


def counting(value):
    calls = []

    def make():
        calls.append(1)
        return value

    return make, calls


def test_a_result_is_made_once(tmp_path):
    make, calls = counting(result(np.arange(3.0)))
    store = Store(tmp_path)
    first, reused = store.get(STAGE, KEY, make)
    again, reused_again = store.get(STAGE, KEY, make)
    assert (reused, reused_again, len(calls)) == (False, True, 1)
    np.testing.assert_array_equal(unwrap(first), unwrap(again))


def test_fresh_ignores_what_is_stored_and_replaces_it(tmp_path):
    Store(tmp_path).get(STAGE, KEY, lambda: result("old"))
    made, reused = Store(tmp_path, fresh=True).get(STAGE, KEY, lambda: result("new"))
    assert (unwrap(made), reused) == ("new", False)
    assert Store(tmp_path, fresh=True).peek(STAGE, KEY) is None
    kept, reused = Store(tmp_path).get(STAGE, KEY, lambda: result("unused"))
    assert (unwrap(kept), reused) == ("new", True)


def test_an_array_that_was_read_may_be_written_to_and_changes_no_file(tmp_path):
    store = Store(tmp_path)
    store.get(STAGE, KEY, lambda: result(np.arange(24.0).reshape(2, 12)))
    unwrap(store.peek(STAGE, KEY))[...] = 0
    np.testing.assert_array_equal(unwrap(store.peek(STAGE, KEY)), np.arange(24.0).reshape(2, 12))


def test_large_arrays_are_not_copied_on_their_way(tmp_path):
    large = np.ones(10_000_000)
    store = Store(tmp_path)
    tracemalloc.start()
    store.get(STAGE, KEY, lambda: result(large))
    written = tracemalloc.get_traced_memory()[1]
    store.peek(STAGE, KEY)
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
        lambda b: b + b"\0",
        *(partial(_flipped, place=place) for place in (0, 9, 40, 50, 64, 130)),
    ],
)
def test_a_damaged_file_is_made_again(tmp_path, damage):
    store = Store(tmp_path)
    store.get(STAGE, KEY, lambda: result("a value that is long enough to be damaged"))
    (path,) = (tmp_path / STAGE).iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert unwrap(store.get(STAGE, KEY, lambda: result("again"))[0]) == "again"
    assert unwrap(store.get(STAGE, KEY, lambda: result("unused"))[0]) == "again"


def test_a_file_of_another_key_or_stage_or_schema_is_made_again(tmp_path):
    store, other = Store(tmp_path), "1" * 64
    store.get(STAGE, KEY, lambda: result("first"))
    (path,) = (tmp_path / STAGE).iterdir()
    for stage, key in ((STAGE, other), ("model", KEY), ("published", KEY)):
        target = store._path(stage, key)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
        assert store.holds(stage, key)
        assert store.peek(stage, key) is None
    content = path.read_bytes()
    assert content.startswith(MAGIC)
    path.write_bytes(MAGIC + (SCHEMA + 1).to_bytes(8, "little") + content[16:])
    assert store.peek(STAGE, KEY) is None


def test_what_is_no_regular_file_is_neither_read_nor_waited_for(tmp_path):
    store = Store(tmp_path)
    path = store._path(STAGE, KEY)
    path.parent.mkdir()
    os.mkfifo(path)
    assert store.peek(STAGE, KEY) is None
    path.unlink()
    path.mkdir()
    assert store.peek(STAGE, KEY) is None


def test_a_failure_stores_nothing(tmp_path):
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Store(tmp_path).get(STAGE, KEY, fail)
    assert list(tmp_path.rglob("*")) == []


def test_keys_tell_inputs_and_code_apart(monkeypatch):
    assert key_of("a", "b") == key_of("a", "b")
    assert key_of("a", "b") != key_of("ab")
    assert key_of("a", "b") != key_of("b", "a")
    before = key_of("a")
    monkeypatch.setattr(digests, "code_digest", lambda: "other code")
    assert key_of("a") != before


def test_the_code_digest_covers_every_computing_package():
    root = digests.Path(digests.__file__).resolve().parents[2]
    for package in digests.COMPUTING:
        assert list((root / package).glob("*.py")), f"{package} is not hashed"
    names = {str(path.relative_to(root)) for path in digests.deciding_sources(root)}
    assert {"pipeline/runner/pipeline.py", "pipeline/store/encoding.py", "models/base.py"} <= names
    assert len(digests.code_digest()) == 64


def test_the_showing_digest_covers_all_of_the_pipeline(tmp_path, monkeypatch):
    before = digests.showing_digest()
    copied = shutil.copytree(digests.Path(digests.__file__).resolve().parents[1], tmp_path / "pipeline")
    monkeypatch.setattr(digests, "__file__", str(copied / "store" / "digests.py"))
    digests.showing_digest.cache_clear()
    assert digests.showing_digest() == before
    with (copied / "report.py").open("a") as file:
        file.write("# changed\n")
    digests.showing_digest.cache_clear()
    assert digests.showing_digest() != before
    monkeypatch.undo()
    digests.showing_digest.cache_clear()


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
