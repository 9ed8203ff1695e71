"""A chain that lost lines is noticed by every command, whichever chain and however many lines."""

import json
import shutil

import pytest
from desk import silence

from operations.champion.decisions import Decisions
from operations.state_dir import state_dir
from pipeline.chains.chain import Chain
from pipeline.chains.checks import check_chains
from pipeline.chains.heads import HEADS, LEDGER, chain_paths
from pipeline.chains.ledger import Ledger
from pipeline.chains.repair import repair_chains
from pipeline.cli import main as cli
from pipeline.errors import LedgerError

COMMANDS = (
    ("run",),
    ("evaluate",),
    ("report",),
    ("retrain",),
    ("update",),
    ("predict",),
    ("allocate",),
    ("promote", "some-run", "--reason", "x"),
    ("rollback",),
    ("ledger", "verify"),
    ("status",),
)


def shortened(path):
    """Yield every state of a file that lost its end: each number of lines, no line, no file."""
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for kept in range(len(lines)):
        path.write_bytes(b"".join(lines[:kept]))
        yield kept
    path.unlink()
    yield 0
    path.write_bytes(whole)


def test_each_suffix_of_each_chain_is_missed_by_each_command(decided, tangency):
    output = decided.folder / "runs"
    paths = chain_paths(output)
    assert [path.name for path in paths] == ["ledger.jsonl", "decisions.jsonl", "versions.jsonl"]
    tried = 0
    for path in paths:
        count = len(path.read_bytes().splitlines())
        for kept in shortened(path):
            for command in COMMANDS:
                code, err = tangency(*command)
                assert code == 2, (path.name, kept, command)
                assert f"{path}: " in err, command
                assert f"had {count} lines" in err, command
                assert "Traceback" not in err
            tried += 1
    assert tried >= 3 * 2
    assert tangency("ledger", "verify")[0] == 0, "each file is as it was"


def seen_by(output, without):
    """Return by reading all JSON there is how many lines of each chain something other than that chain has seen."""
    seen = {}

    def note(name, value):
        if isinstance(value, dict) and "lines" in value:
            seen[name] = max(seen.get(name, 0), value["lines"])

    for path in output.rglob(HEADS):
        if path not in without:
            for name, value in json.loads(path.read_text()).items():
                note(name, value)
    for path in chain_paths(output):
        for line in path.read_text().splitlines():
            for name, value in json.loads(line).get("anchors", {}).items():
                note(name, value)
    return seen


@pytest.mark.parametrize("deleted", ["heads", "runs", "both"])
def test_whatever_any_remaining_file_has_seen_is_missed(decided, deleted):
    """Old run folders may be deleted, and the file of heads: what is left still shows what it has seen."""
    output = decided.folder / "runs"
    if deleted != "runs":
        (output / HEADS).unlink()
    if deleted != "heads":
        for folder in [each for each in output.glob("mine-*") if each.is_dir()]:
            shutil.rmtree(folder)
    check_chains(output)
    noticed = 0
    for path in chain_paths(output):
        name = path.relative_to(output).as_posix()
        for kept in shortened(path):
            if kept < seen_by(output, ()).get(name, 0):
                noticed += 1
                with pytest.raises(LedgerError):
                    Chain(path, output).lines()
            else:
                Chain(path, output).lines()
    assert noticed >= 4


def test_a_chain_of_another_folder_in_its_place_is_missed(decided, tmp_path):
    output = decided.folder / "runs"
    other = Ledger(tmp_path / "other" / LEDGER)
    other.add(
        [{"kind": "trial", "experiment": "mine", "id": str(k), "data": "d", "returns": k} for k in range(9)]
    )
    shutil.copyfile(other.path, output / LEDGER)
    with pytest.raises(LedgerError, match="is not the line that was written"):
        check_chains(output)


def test_a_run_that_was_copied_from_elsewhere_changes_nothing(decided, tmp_path):
    """Its heads are those of the ledger of the folder that it comes from."""
    output = tmp_path / "elsewhere"
    ledger = Ledger(output / LEDGER)
    ledger.add([{"kind": "trial", "experiment": "other", "id": "a", "data": "d", "returns": "r"}])
    guest = next(each for each in (decided.folder / "runs").glob("mine-*") if each.is_dir())
    shutil.copytree(guest, output / guest.name)
    assert len(ledger.lines()) == 1
    ledger.path.write_bytes(b"")
    with pytest.raises(LedgerError, match="the file is empty, but it had"):
        ledger.lines()


def test_a_moved_folder_and_one_without_anchors_go_on(decided, tmp_path):
    output = decided.folder / "runs"
    moved = output.rename(tmp_path / "moved")
    check_chains(moved)
    # As an earlier version left it: no file of heads, no anchors in lines or runs.
    for path in moved.rglob(HEADS):
        path.unlink()
    path = moved / LEDGER
    entries = Chain(path).lines()
    for each in chain_paths(moved):
        each.unlink()
    Chain(path).extend(lambda _: entries)
    assert b"anchors" not in path.read_bytes()
    ledger = Ledger(path)
    assert len(ledger.lines()) == len(entries)
    ledger.add([{"kind": "trial", "experiment": "mine", "id": "new", "data": "d", "returns": "r"}])
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    with pytest.raises(
        LedgerError, match=f"it has {len(entries)} lines now and had {len(entries) + 1} lines"
    ):
        ledger.lines()


def test_after_a_repair_that_left_no_champion_the_commands_that_give_one_are_named(
    decided, monkeypatch, capsys
):
    silence(monkeypatch)
    monkeypatch.setattr("operations.serving.server.listen", lambda *address: None)
    config, path = decided.config(), str(decided.path(schedule={"cron": "0 6 1 * *"}))
    newest = Decisions(config).all()[-1].run
    decisions = state_dir(config) / "decisions.jsonl"
    decisions.write_bytes(b"")
    advice = f"`tangency promote {newest} --reason ...`"

    def call(*words):
        monkeypatch.setattr("sys.argv", ["tangency", *words, "-c", path])
        try:
            cli.main()
        except SystemExit as ended:
            return ended.code or 0, "".join(capsys.readouterr())
        return 0, "".join(capsys.readouterr())

    code, result = call("ledger", "repair", "--reason", "the disk failed")
    assert code == 0
    assert advice in result
    for command in ("predict", "status", "serve"):
        assert advice in call(command)[1]
    assert call("promote", newest, "--reason", "after the repair")[0] == 0
    assert Decisions(config).reigning()[0] == newest


def test_a_repair_goes_on_and_counts_what_was_lost(decided, tangency):
    output, config = decided.folder / "runs", decided.config()
    path, decisions = output / LEDGER, state_dir(config) / "decisions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    count = len(lines)
    path.write_bytes(lines[0][:-20] + b'"}\n')  # damaged in its first line: nothing of it can be kept
    kept = decisions.read_bytes().splitlines(keepends=True)[:2]
    decisions.write_bytes(b"".join(kept))
    assert tangency("ledger", "repair", "--reason", "the disk failed")[0] == 0
    assert path.read_bytes() == b""
    assert len(list(output.glob("ledger.jsonl.damaged-*"))) == 1, "the file as it was is kept"
    assert tangency("ledger", "verify")[0] == 0
    assert len(Decisions(config).all()) == 2
    trials = Ledger(path).trials("mine")
    assert trials.lost == trials.configurations == count
    Ledger(path).add([{"kind": "trial", "experiment": "mine", "id": "new", "data": "d", "returns": "r"}])
    assert Ledger(path).trials("mine").count == count + 1
    assert repair_chains(output, "again") == []
    # The record of the repair is a chain itself: without it the loss shows again.
    repairs = (output / "repairs.jsonl").read_bytes()
    (output / "repairs.jsonl").unlink()
    with pytest.raises(LedgerError):
        check_chains(output)
    (output / "repairs.jsonl").write_bytes(repairs)
    check_chains(output)
    path.write_bytes(b"")
    with pytest.raises(LedgerError, match="the file is empty, but it had 1 line"):
        check_chains(output)
