"""What is written is private to the user, and pickles of an earlier version go unread."""

import os
import pickle
import stat
from io import StringIO

import pytest
from rich.console import Console

from pipeline.audit.certificate import Certificate
from pipeline.files import make_folder, write_folder, write_whole
from pipeline.progress import Reporter
from pipeline.store import Store


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_folders_that_are_made_are_private_and_others_keep_their_mode(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    make_folder(shared / "runs" / "store" / "model")
    assert mode(shared) == 0o755
    assert {mode(shared / part) for part in ("runs", "runs/store", "runs/store/model")} == {0o700}
    make_folder(shared)
    assert mode(shared) == 0o755


def test_a_file_in_the_place_of_a_folder_is_an_error_that_names_it(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(OSError, match="runs"):
        make_folder(tmp_path / "runs" / "store")


def test_files_are_private_also_while_they_are_written(tmp_path, monkeypatch):
    seen = []
    flush = os.fsync

    def look(descriptor):
        seen.extend(mode(path) for path in (tmp_path / "runs").iterdir())
        flush(descriptor)

    monkeypatch.setattr("os.fsync", look)
    write_whole(tmp_path / "runs" / "file", b"content")
    assert set(seen) == {0o600}
    assert mode(tmp_path / "runs" / "file") == 0o600


def test_a_store_and_its_journals_are_private(tmp_path):
    store = Store(tmp_path / "runs" / "store")
    store.get("audit", "0" * 64, lambda: Certificate({}, 0, (), (), ()))
    store.journal("0" * 64)
    folders = [tmp_path / "runs", *(path for path in (tmp_path / "runs").rglob("*") if path.is_dir())]
    assert {path.name for path in folders} == {"runs", "store", "audit", "tuning"}
    assert {mode(path) for path in folders} == {0o700}


def test_a_folder_of_files_gets_its_mode_where_there_are_modes(tmp_path, monkeypatch):
    for wanted in (0o700, 0o750, 0o755):
        write_folder(tmp_path / f"{wanted:o}" / "run", {"file": b"content"}, mode=wanted)
        assert mode(tmp_path / f"{wanted:o}" / "run") == wanted

    def refuse(path, mode):
        raise PermissionError("this filesystem has no modes")

    monkeypatch.setattr("pathlib.Path.chmod", refuse)
    write_folder(tmp_path / "run", {"file": b"content"}, mode=0o755)
    assert (tmp_path / "run" / "file").read_bytes() == b"content"


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_pickles_of_an_earlier_version_are_removed_unread_with_one_notice(tmp_path):
    folder, sprung = tmp_path / "store", tmp_path / "sprung"
    old = [folder / "model" / f"{'a' * 64}.pickle", folder / "features" / f"{'b' * 64}.pickle"]
    own = [folder / "model" / "mine.pickle", folder / "elsewhere" / f"{'a' * 64}.pickle"]
    for path in (*old, *own):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(Trap(sprung)).ljust(1_000_000))
    log = StringIO()
    reporter, store = Reporter(Console(file=log, width=120)), Store(folder)
    assert store.peek("model", "a" * 64) is None
    reporter.notices(store)
    reporter.notices(store)
    assert log.getvalue().startswith("store ")
    assert "removed 2 results of an earlier version (2 MB), to be computed again" in log.getvalue()
    assert log.getvalue().count("\n") == 1
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in own)
    assert not sprung.exists()
    reporter.notices(Store(folder))
    assert log.getvalue().count("\n") == 1


def test_a_folder_that_all_may_write_to_is_named(tmp_path):
    output = tmp_path / "runs"
    for wanted, notices in ((0o700, 0), (0o770, 0), (0o777, 1), (0o1777, 0)):
        make_folder(output / "store")
        output.chmod(wanted)
        found = Store(output / "store").tidy()
        assert len(found) == notices
        assert mode(output) == wanted
    output.chmod(0o777)
    assert "chmod o-w" in Store(output / "store").tidy()[0]
    assert str(output) in Store(output / "store").tidy()[0]
