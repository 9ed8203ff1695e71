"""A named pipe, a folder or a device in the place of a file ends each command at once, with one message."""

import os
import shutil
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from operations.champion.decisions import Decisions
from operations.champion.registry.mark import MARK
from operations.state_dir import state_dir
from pipeline.chains.chain import Chain
from pipeline.chains.database import DATABASE
from pipeline.chains.heads import HEADS, LEDGER, REPAIRS
from pipeline.errors import USER_ERRORS
from pipeline.files import read_regular, remove_leftovers, write_whole
from pipeline.tracking.pending_runs import RECORD
from pipeline.tracking.receipts import RECEIPT

COMMANDS = (("predict",), ("status",), ("ledger", "verify"))
SCHEDULED = {"schedule": {"cron": "0 6 1 * *"}}
KINDS = {
    "a named pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@contextmanager
def ending_within(seconds):
    """Interrupt whoever waits: a named pipe is opened once somebody writes to it, which nobody does."""

    def stop(number, frame):
        raise AssertionError(f"still waiting after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def replace_by(kind, path):
    """Put something else in the place of a file, and return what brings it back."""
    kept = path.read_bytes() if path.exists() else None
    path.unlink(missing_ok=True)
    KINDS[kind](path)

    def restore():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        if kept is not None:
            path.write_bytes(kept)

    return restore


def files_of(desk):
    """Return files that commands read, and of each a command that must stop at it."""
    config = desk.config(**SCHEDULED)
    output, champion = config.output, Decisions(config).reigning()[0]
    run = output / champion
    yield output / HEADS, ("ledger", "verify")
    yield run / HEADS, ("ledger", "verify")
    yield output / LEDGER, ("ledger", "verify")
    yield output / REPAIRS, ("ledger", "verify")
    yield state_dir(config) / "decisions.jsonl", ("predict",)
    yield state_dir(config) / "data" / "versions.jsonl", ("predict",)
    yield state_dir(config) / "data" / "000003.parquet", ("predict",)
    yield output / DATABASE, ("ledger", "verify")
    yield output / f"{DATABASE}-wal", ("status",)
    yield state_dir(config).parent / "schedule.db", ("status",)
    yield run / "model.json", ("predict",)


def test_each_file_may_be_a_named_pipe_and_no_command_waits(decided, tangency):
    (decided.folder / "runs" / DATABASE).touch()
    tried = 0
    for path, stopped in files_of(decided):
        restore = replace_by("a named pipe", path)
        for words in {*COMMANDS, stopped}:
            with ending_within(20):
                code, err = tangency(*words)
            assert "Traceback" not in err, (path, words)
            if words == stopped:
                assert code == 2, (path, words, err)
                assert f"{path}: it is a named pipe, expected a regular file" in err, (path, words)
        restore()
        tried += 1
    assert tried > 10


@pytest.mark.parametrize("kind", KINDS)
def test_heads_of_a_run_that_are_no_file_stop_whoever_compares_them(decided, tangency, kind):
    path = decided.folder / "runs" / Decisions(decided.config(**SCHEDULED)).reigning()[0] / HEADS
    restore = replace_by(kind, path)
    for words in COMMANDS:
        with ending_within(20):
            code, err = tangency(*words)
        assert code == 2
        assert err.startswith(f"tangency: {path}: it is {kind}, expected a regular file")
        assert err.count("\n") == 1
    restore()
    assert tangency("ledger", "verify")[0] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_no_reader_of_small_files_waits(tmp_path, kind):
    from pipeline.tracking.pending_runs import TrackingPayload
    from pipeline.tracking.receipts import read_receipt

    for name, reader in {
        RECEIPT: read_receipt,
        RECORD: TrackingPayload.read,
        MARK: lambda folder: read_regular(folder / MARK),
        LEDGER: lambda folder: Chain(folder / LEDGER).lines(),
    }.items():
        KINDS[kind](tmp_path / name)
        with ending_within(5), pytest.raises(USER_ERRORS, match=f"it is {kind}, expected a regular file"):
            reader(tmp_path)


def test_a_named_pipe_among_partial_files_keeps_nobody_from_writing(tmp_path):
    os.mkfifo(tmp_path / ".partial-abcdefgh")
    with ending_within(5):
        remove_leftovers(tmp_path)
        write_whole(tmp_path / "x", b"1")
    assert (tmp_path / "x").read_bytes() == b"1"


def test_a_log_that_is_a_named_pipe_does_not_stop_the_scheduler(tmp_path, capsys):
    import datetime as dt

    from operations.schedule.rotating_log import RotatingLog

    os.mkfifo(tmp_path / "log")
    with ending_within(5):
        RotatingLog(tmp_path / "log").write("text", dt.datetime(2020, 1, 1))
    assert "the log cannot be written" in capsys.readouterr().err


def test_a_regular_file_is_read_whole_and_through_links(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link") == b"abc"
    assert read_regular(tmp_path / "file", 2) == b"ab"
    with pytest.raises(FileNotFoundError, match="missing"):
        read_regular(tmp_path / "missing")
