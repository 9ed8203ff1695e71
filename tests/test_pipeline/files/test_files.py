"""Files that are complete or absent: what a failing or killed writer leaves, and who removes it."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.files import (
    explain,
    partial_file,
    partial_folder,
    remove_leftovers,
    replace_link,
    sync_folder,
    write_folder,
    write_whole,
)

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import sys, time
from pathlib import Path
from pipeline.files import partial_file, partial_folder
folder = Path(sys.argv[1])
with partial_file(folder) as (file, path), partial_folder(folder) as other:
    (other / "half.csv").write_text("half")
    print("holds", flush=True)
    time.sleep(60)
"""


def hidden(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(".partial-"))


@pytest.fixture
def holder(tmp_path):
    """A process that is writing a file and a folder."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "holds\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_what_another_process_is_writing_stays_and_what_it_left_when_killed_goes(tmp_path, holder):
    remove_leftovers(tmp_path)
    write_whole(tmp_path / "mine.json", b"{}")
    assert len(hidden(tmp_path)) == 2
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    write_whole(tmp_path / "mine.json", b"[]")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]


def test_hidden_files_of_others_are_left_alone(tmp_path):
    for name in (".partial-", ".partial-notes.txt", ".partial-ABCDEFGH", ".other"):
        (tmp_path / name).touch()
    before = sorted(tmp_path.iterdir())
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_failure_leaves_the_file_as_it_was_and_names_it(tmp_path, monkeypatch, call, number):
    path = tmp_path / "result.json"
    write_whole(path, b"before")

    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace")}[call], fail)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        write_whole(path, b"after")
    assert explain(caught.value).startswith(f"{path}: {os.strerror(number)}; ")
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]


def test_file_and_folder_reach_the_disk_before_and_after_the_new_name(tmp_path, monkeypatch):
    order = []

    def sync(handle):
        order.append(("sync", Path(f"/proc/self/fd/{handle}").readlink().name.split("-")[0]))

    rename = Path.replace
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", lambda a, b: (order.append(("rename", b.name)), rename(a, b)))
    write_whole(tmp_path / "a.json", b"{}")
    assert order == [("sync", ".partial"), ("rename", "a.json"), ("sync", tmp_path.name.split("-")[0])]


def test_a_folder_appears_with_all_of_its_files(tmp_path):
    run = tmp_path / "runs" / "run-1"
    write_folder(run, {"a.csv": b"1", "b.json": b"{}"})
    assert {path.name: path.read_bytes() for path in run.iterdir()} == {"a.csv": b"1", "b.json": b"{}"}
    with pytest.raises(OSError, match="not empty") as caught:
        write_folder(run, {"a.csv": b"2"})
    assert caught.value.filename == str(run)
    assert [path.name for path in run.parent.iterdir()] == ["run-1"]


def test_a_folder_that_cannot_be_written_to_its_end_is_gone(tmp_path, monkeypatch):
    written = []

    def fail_later(handle):
        written.append(handle)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail_later)
    with pytest.raises(OSError, match="No space left"):
        write_folder(tmp_path / "run-1", {"a.csv": b"1", "b.json": b"{}"})
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_replaced_and_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".latest-0123abcd").symlink_to("gone")
    for target in ("one", "two"):
        (tmp_path / target).mkdir()
        replace_link(tmp_path / "latest", target)
        assert (tmp_path / "latest").readlink() == Path(target)
    assert not list(tmp_path.glob(".latest-*"))


def test_a_lock_that_comes_late_does_not_lose_the_file(tmp_path, monkeypatch):
    """Another process may remove the file between its making and its lock: then another one is made."""
    import fcntl

    lock, removed = fcntl.flock, []

    def remove_first(handle, how):
        if not removed:
            removed.append(Path(f"/proc/self/fd/{handle}").readlink())
            removed[0].unlink()
        lock(handle, how)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with partial_file(tmp_path) as (file, path):
        assert path != removed[0]
        assert path.exists()
        file.write(b"x")
    with partial_folder(tmp_path) as folder:
        assert folder.is_dir()


def test_without_locks_files_are_written_and_none_is_removed(tmp_path, monkeypatch):
    import fcntl

    def refuse(handle, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / ".partial-abcdefgh").touch()
    write_whole(tmp_path / "a.json", b"{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".partial-abcdefgh", "a.json"]


def test_many_writers_of_one_file_leave_one_of_theirs(tmp_path):
    code = (
        "import sys; from pathlib import Path; from pipeline.files import write_whole\n"
        "for n in range(100): write_whole(Path(sys.argv[1]), sys.argv[2].encode() * 1000)"
    )
    target, began = tmp_path / "shared.json", time.monotonic()
    many = [
        subprocess.Popen([sys.executable, "-c", code, str(target), letter], cwd=ROOT, stderr=subprocess.PIPE)
        for letter in "abc"
    ]
    result = [process.communicate(timeout=60)[1] for process in many]
    assert [process.returncode for process in many] == [0, 0, 0], result
    assert target.read_text() in {letter * 1000 for letter in "abc"}
    assert hidden(tmp_path) == []
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "error, message",
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/x"),
            r"runs/x: No space left on device; free some",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "runs"),
            r"runs: Permission denied; give this user",
        ),
        (OSError("odd"), "input or output: odd"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a"), "a: No such file or directory"),
    ],
)
def test_messages_name_the_file_the_reason_and_what_to_do(error, message):
    assert explain(error).startswith(message)


def test_a_folder_that_cannot_be_synchronised_is_named(tmp_path, monkeypatch):
    def fail(handle):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="Input/output error") as failed:
        sync_folder(tmp_path)
    assert failed.value.filename == str(tmp_path)
