"""Files that were changed with care, under a digest that fits: nothing is executed, and nothing ends in a traceback."""

import hashlib
import json
import random
import struct
import sys
import time
import tracemalloc
from copy import deepcopy

import numpy as np
import pytest
from rich.console import Console

from pipeline.audit.certificate import Certificate
from pipeline.errors import USER_ERRORS
from pipeline.export.publication import load_or_make_artifacts
from pipeline.progress import Reporter
from pipeline.store import Store
from pipeline.store.archive import ALIGNED, pack, read, unpack
from pipeline.store.errors import DamagedError
from pipeline.store.types import STAGES, name_of


def forged(content, text, blocks=None):
    """Return a file with other JSON and, if given, other blocks under a digest that fits."""
    (length,) = struct.unpack_from("<Q", content, 48)
    end = ALIGNED + -(-length // ALIGNED) * ALIGNED
    rest = content[end:] if blocks is None else blocks
    padded = text + bytes(-len(text) % ALIGNED)
    tail = struct.pack("<QQ", len(text), 0) + padded + bytes(rest)
    return content[:16] + hashlib.sha256(tail).digest() + tail


def _text(content):
    (length,) = struct.unpack_from("<Q", content, 48)
    return bytes(content[ALIGNED : ALIGNED + length])


def _places(node, path=()):
    """Yield the path of every node of JSON."""
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        yield from _places(item, (*path, key))


def _at(node, path):
    for key in path:
        node = node[key]
    return node


HOSTILE = (
    None,
    True,
    -1,
    2**62,
    10**30,
    1e300,
    "",
    "os:system",
    [],
    {},
    ["same", 0],
    ["same", 10**9],
    ["object", "os:system", {}],
    ["object", "builtins:eval", {"x": 1}],
    ["object", "models.base:WalkResult", {}],
    ["enum", "allocation.decision_status:DecisionStatus", 10**9],
    ["array", 0, "|O8", [1], "C", True],
    ["array", 0, "<f8", [2**40, 2**40], "C", True],
    ["array", 0, "<f8", [-1], "C", True],
    ["array", 0, "<U99999999", [0], "C", True],
    ["float", "7ff8"],
    ["int", "0x" + "f" * 10_000],
    ["text", 0],
    ["bytes", 10**9],
    ["scalar", "|O8", "00"],
    ["dict", [["list"], 1]],
    ["no such word", 1],
)


def _mutated(content, rng):
    """Return one forged file: a node of its JSON replaced, copied, or removed, or bytes of its text changed."""
    result = json.loads(_text(content))
    places = [path for path in _places(result) if path]
    path = rng.choice(places)
    parent, key = _at(result, path[:-1]), path[-1]
    how = rng.randrange(5)
    if how == 0:
        parent[key] = rng.choice(HOSTILE)
    elif how == 1:
        parent[key] = deepcopy(_at(result, rng.choice(places)))
    elif how == 2:
        del parent[key]
    elif how == 3 and isinstance(parent[key], int):
        parent[key] += rng.choice((-1, 1, 1000))
    else:
        text = bytearray(_text(content))
        for _ in range(rng.randrange(1, 4)):
            text[rng.randrange(len(text))] = rng.randrange(256)
        return forged(content, bytes(text))
    return forged(content, json.dumps(result).encode())


def test_forged_files_count_as_missing_or_give_a_value_of_the_right_type(runs):
    _, store = runs[0]
    rng, endings = random.Random(0), {"missing": 0, "read": 0}
    by_stage = {stage: (stage, key) for stage, key in store.made}
    for stage, key in by_stage.values():
        content = bytes(read(store._path(stage, key)))
        for _ in range(40):
            bad = memoryview(bytearray(_mutated(content, rng)))
            began = time.perf_counter()
            tracemalloc.start()
            try:
                value = unpack(bad, stage, key)
            except DamagedError:
                endings["missing"] += 1
            else:
                endings["read"] += 1
                assert name_of(type(value)) == STAGES[stage]
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 40 * len(content) + 1_000_000
            assert time.perf_counter() - began < 20
    assert endings["missing"] > 100, endings
    assert endings["read"] > 5, endings


@pytest.mark.parametrize(
    "value",
    [
        ["list", *[["bytes", 0]] * 10_000],
        ["list", *[["text", 0]] * 10_000],
        ["array", 0, "|u1", [2**62], "C", True],
        ["array", 0, "<f8", [2**31, 2**31, 2**31], "C", True],
        ["tuple", *[["array", 0, "|u1", [100_000], "C", True]] * 2],
        json.loads("[" * 900 + "]" * 900),
        10**4000,
    ],
    ids=["one text often", "one block often", "long", "large", "one array twice", "deep", "digits"],
)
def test_a_small_file_cannot_fill_the_memory(value):
    result = {"stage": "audit", "key": "k", "blocks": [100_000], "value": value}
    head = b"".join(pack("audit", "k", Certificate({}, 0, (), (), ())))
    content = forged(head, json.dumps(result).encode(), bytes(100_000 + -100_000 % ALIGNED))
    tracemalloc.start()
    with pytest.raises(DamagedError):
        unpack(memoryview(bytearray(content)), "audit", "k")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


# Python gives multiples of this number the same hash.
COLLIDING = [["int", hex(k * (2**61 - 1))] for k in range(1, 30_000)]
LONG = {
    "integer": "7" * 2_000_000,
    "negative": "-" + "7" * 2_000_000,
    "shape": json.dumps(["array", 0, "|u1", [10**3999] * 250, "C", True]),
    "dimensions": json.dumps(["array", 0, "|u1", [10**18] * 100_000, "C", True]),
    "set": json.dumps(["set", *COLLIDING]),
    "frozenset": json.dumps(["frozenset", *COLLIDING]),
    "keys": json.dumps(["dict", *([key, 1] for key in COLLIDING)]),
    "digits of a float": "7" * 2_000_000 + ".5",
    "exponent": "7e" + "7" * 2_000_000,
}


@pytest.mark.parametrize("value", LONG.values(), ids=LONG)
def test_no_forged_text_takes_long(value):
    """Each of these is read in a few hundredths of a second; most took seconds, by the square of their length."""
    head = b"".join(pack("audit", "k", Certificate({}, 0, (), (), ())))
    text = json.dumps({"stage": "audit", "key": "k", "blocks": [64], "value": None}).replace("null", value)
    content = memoryview(bytearray(forged(head, text.encode(), bytes(64))))
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)  # as an environment may have it
    began = time.process_time()
    try:
        with pytest.raises(DamagedError):
            unpack(content, "audit", "k")
    finally:
        sys.set_int_max_str_digits(limit)
    assert time.process_time() - began < 1


def test_a_forged_size_of_the_text_or_of_a_block_is_refused():
    sound = b"".join(pack("audit", "k", Certificate({"x": np.arange(3.0)}, 0, (), (), ())))
    for size in (2**63, 2**64 - 1, len(sound)):
        tail = struct.pack("<Q", size) + sound[56:]
        with pytest.raises(DamagedError):
            unpack(memoryview(sound[:16] + hashlib.sha256(tail).digest() + tail), "audit", "k")
    result = json.loads(_text(sound))
    for blocks in ([2**62], [-1], [24, 0, 64], [], [1.0], None, [24] * 3):
        content = forged(sound, json.dumps(result | {"blocks": blocks}).encode())
        with pytest.raises(DamagedError):
            unpack(memoryview(bytearray(content)), "audit", "k")


def test_a_run_ends_well_or_with_one_message_whatever_its_store_holds(runs):
    endings = _endings(runs[0], count=1)
    assert all(len(text) < 1000 and "--fresh" in text for text in endings if text != "done"), endings
    assert endings.count("done") > len(endings) / 2, endings


def _endings(run, count, seed=1):
    """Return how runs end of which one stored stage was forged, `count` times each; the folder is left as it was."""
    config, store = run
    paths = {stage: store._path(stage, key) for stage, key in store.made}
    sound = {path: path.read_bytes() for path in config.output.rglob("*") if path.is_file()}
    rng, endings = random.Random(seed), []
    for stage, path in paths.items():
        for _ in range(count):
            path.write_bytes(_mutated(sound[path], rng))
            if stage != "published":
                paths["published"].unlink()
            endings.append(_ending(config))
            for each, content in sound.items():
                each.write_bytes(content)
    return endings


def _ending(config):
    """Return "done", or the message that a run ends with; any other error is raised."""
    try:
        load_or_make_artifacts(config, Store(config.output / "store"), Reporter(Console(quiet=True)))
    except USER_ERRORS as error:
        return str(error)
    return "done"


def _fields(result, name):
    """Return the fields of the first stored object of a class."""
    for path in _places(result):
        node = _at(result, path)
        if isinstance(node, list) and node[:2] == ["object", name]:
            return node[2]
    raise LookupError(name)


PUBLISHED, TABLE = "pipeline.export.artifacts:RunArtifacts", "pipeline.report.text_table:TextTable"
OTHERWISE = {
    "another type at the top": (PUBLISHED, lambda fields: fields.update(weights=1)),
    "another type below": (TABLE, lambda fields: fields.update(show_header="yes")),
    "another type of an item": (PUBLISHED, lambda fields: fields["warnings"].append(1)),
    "another type of a value": (PUBLISHED, lambda fields: fields["stage_lines"].update(x=None)),
    "a number for a text or None": (PUBLISHED, lambda fields: fields.update(certificate=1.5)),
    "another class below": (PUBLISHED, lambda fields: fields.update(drift=["object", TABLE, {}])),
    # A field that may be None is one whose absence no annotation shows.
    "a missing field at the top": (PUBLISHED, lambda fields: fields.pop("certificate")),
    "a missing field below": (TABLE, lambda fields: fields.pop("width")),
    "another field at the top": (PUBLISHED, lambda fields: fields.update(page="x")),
    "another field below": (TABLE, lambda fields: fields.update(colour="x")),
    "a field with another name": (TABLE, lambda fields: fields.update(wide=fields.pop("width"))),
}


@pytest.mark.parametrize("change", OTHERWISE)
def test_an_object_with_other_fields_or_types_is_refused_wherever_it_is(runs, change):
    _, store = runs[0]
    stage, key = next(each for each in store.made if each[0] == "published")
    content = bytes(read(store._path(stage, key)))
    result = json.loads(_text(content))
    name, alter = OTHERWISE[change]
    same = memoryview(bytearray(forged(content, json.dumps(result).encode())))
    assert name_of(type(unpack(same, stage, key))) == STAGES[stage], "what was not changed is read"
    alter(_fields(result, name))
    with pytest.raises(DamagedError):
        unpack(memoryview(bytearray(forged(content, json.dumps(result).encode()))), stage, key)
