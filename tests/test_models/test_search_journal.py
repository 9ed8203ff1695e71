"""The journal of a search: lines of JSON that execute nothing, and a damaged one begins anew."""

import json

import pytest
from optuna.storages.journal._base import BaseJournalSnapshot

from models.tuning.search_journal import Memory, open_journal
from models.tuning.search_space import Range

SPACE = {"x": Range(0.0, 1.0)}
PARAMETERS = {"x": 0.5}


def write(path):
    memory = Memory(SPACE, open_journal(path), "study")
    memory.add(PARAMETERS, 0, 0.25, 1.0)
    memory.keep(PARAMETERS, [0.25], pruned=False)


def known(path):
    return (PARAMETERS, 0) in Memory(SPACE, open_journal(path), "study")


def test_a_journal_is_json_and_has_no_snapshots(tmp_path):
    path = tmp_path / "tuning" / "journal"
    write(path)
    for line in path.read_bytes().splitlines():
        json.loads(line)
    # Snapshots are the only thing that Optuna pickles, and this storage has none.
    assert not isinstance(open_journal(path)._backend, BaseJournalSnapshot)
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
        lambda content: content.replace(b'"losses"', b'"loss"'),
        lambda content: content.replace(b"[0.25]", b'["a"]'),
        lambda content: content.replace(b'"seconds"', b'"minutes"'),
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
