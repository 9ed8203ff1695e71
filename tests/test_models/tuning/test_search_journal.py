"""The journal of a search: lines of JSON that execute nothing, and a damaged one begins anew."""

import json

import pytest
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._base import BaseJournalSnapshot

from models.tuning.search_journal import Memory

PARAMETERS = {"x": 0.5}


def write(path):
    memory = Memory(path, "study")
    memory.add(PARAMETERS, 0, (0.25, 1.5))
    memory.keep(PARAMETERS)


def known(path):
    return Memory(path, "study")[PARAMETERS] == [(0.25, 1.5)]


def test_a_journal_is_json_and_has_no_snapshots(tmp_path):
    path = tmp_path / "tuning" / "journal"
    write(path)
    for line in path.read_bytes().splitlines():
        json.loads(line)
    # Snapshots are the only thing that Optuna pickles, and this storage has none.
    assert not issubclass(JournalFileBackend, BaseJournalSnapshot)
    assert known(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"no json\n" + content,
        lambda content: b"[1, 2]\n" + content,
        lambda content: b'{"op_code": 99}\n' + content,
        lambda content: content.replace(b'"op_code"', b'"code"'),
        lambda content: content.replace(b'"study_name"', b'"name"'),
        lambda content: b"\xff\xfe\n" + content,
        lambda content: content.replace(b'"user_attr"', b'"attr"'),
        lambda content: content.replace(b"[0.25,1.5]", b'["a",1.5]'),
        lambda content: content.replace(b"[0.25,1.5]", b"[0.25]"),
        lambda content: content.replace(b"[[0.25,1.5]]", b"0.25"),
    ],
)
def test_a_damaged_journal_begins_anew(tmp_path, damage):
    path = tmp_path / "journal"
    write(path)
    content = path.read_bytes()
    assert damage(content) != content
    path.write_bytes(damage(content))
    assert not known(path)
    write(path)
    assert known(path)


def test_a_later_trial_of_more_blocks_is_kept_too_and_a_known_block_stays(tmp_path):
    path = tmp_path / "journal"
    write(path)
    memory = Memory(path, "study")
    content = path.read_bytes()
    memory.add(PARAMETERS, 0, (9.0, 9.0))
    memory.keep(PARAMETERS)
    assert path.read_bytes() == content, "nothing new to write"
    memory.add(PARAMETERS, 1, (float("inf"), 2.0))
    memory.keep(PARAMETERS)
    assert Memory(path, "study")[PARAMETERS] == [(0.25, 1.5), (float("inf"), 2.0)]
    assert Memory(path, "other study")[PARAMETERS] == []
