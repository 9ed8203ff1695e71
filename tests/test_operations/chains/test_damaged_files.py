"""Files of data versions and of champions that are not as they were recorded are not used."""

import json
import shutil

import pytest
from desk import Desk

from operations.champion.candidate import Candidate
from operations.champion.decisions import Decisions
from operations.champion.forecasting import situation
from operations.champion.run_files import FILES
from operations.data.updating import versions_of
from operations.errors import OperationsError
from pipeline.chains.chain import Chain
from pipeline.cli import main as cli
from pipeline.errors import LedgerError, PipelineError


@pytest.fixture
def desk_with_data(tmp_path, trained):
    shutil.copytree(
        trained.folder / "runs", tmp_path / "runs", symlinks=True, ignore=shutil.ignore_patterns("store")
    )
    return Desk(tmp_path)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "one bit": flip,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "missing": lambda path: path.unlink(),
    "that of the version before": lambda path: shutil.copyfile(path.with_name("000002.parquet"), path),
}


@pytest.mark.usefixtures("untold")
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_newest_version_stops_what_uses_the_data(desk_with_data, monkeypatch, capsys, damage):
    versions = versions_of(desk_with_data.config())
    newest = versions.log()[-1]
    path = versions.folder / newest.file
    DAMAGE[damage](path)
    for words in (
        ("run",),
        ("update",),
        ("retrain",),
        ("predict",),
        ("promote", "x", "--reason", "y"),
        ("data", "verify"),
    ):
        monkeypatch.setattr("sys.argv", ["tangency", *words, "-c", str(desk_with_data.path())])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        err = capsys.readouterr().err
        assert ended.value.code == 2, words
        assert f"{path}: " in err
        assert f"version {newest.version}" in err
        assert newest.sha256 in err
        assert "Restore the file from a copy" in err
        assert "Traceback" not in err
    with pytest.raises(LedgerError):
        desk_with_data.retrain("2002-06-30")
    assert len(Decisions(desk_with_data.config()).all()) == 3, "nothing was decided on it"


def test_a_missing_older_version_stops_an_update(desk_with_data):
    versions = versions_of(desk_with_data.config())
    (versions.folder / "000001.parquet").unlink()
    with pytest.raises(LedgerError, match=r"000001.parquet: missing; version 1 was recorded with it"):
        desk_with_data.retrain("2002-06-30")


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_of_the_champion_is_not_used(desk_with_data, name):
    config = desk_with_data.config()
    decisions = Decisions(config)
    run = decisions.champion().champion
    path = config.output / run / name
    assert Candidate(path.parent).digests() == decisions.files_of(run)
    whole = path.read_bytes()
    candidate = Candidate(path.parent, decisions.files_of(run))
    assert candidate.content(name) == whole
    flip(path)
    with pytest.raises(LedgerError, match=f"{name}: not the file that the decision about the run"):
        candidate.content(name)
    path.unlink()
    with pytest.raises(LedgerError, match=f"{name}: missing"):
        candidate.content(name)


def test_a_slope_that_was_changed_by_hand_stops_the_prediction(desk_with_data):
    from desk import quiet

    config = desk_with_data.config()
    path = config.output / Decisions(config).champion().champion / "model.json"
    spec = json.loads(path.read_text())
    spec["models"]["ridge"]["slope"] *= 10
    path.write_text(json.dumps(spec))
    with pytest.raises(LedgerError, match=r"model.json: not the file .* expected SHA-256"):
        situation(config, quiet())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", "{}", '"text"', '{"trained_to": 5}', "[" * 9999]
)
@pytest.mark.parametrize("name", ["summary.json", "config.json", "model.json", "inputs.json"])
def test_json_of_another_kind_is_one_message_also_where_nothing_was_recorded(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    candidate = Candidate(tmp_path)
    read = {
        "summary.json": "summary",
        "config.json": "config",
        "model.json": "trained_to",
        "inputs.json": "inputs",
    }
    with pytest.raises(PipelineError, match=name.replace(".", r"\.")):
        getattr(candidate, read[name])


def test_a_date_that_is_none_is_named(tmp_path):
    keys = ("forecast", "relative", "horizon", "assets", "columns", "models")
    (tmp_path / "model.json").write_text(json.dumps({**dict.fromkeys(keys, ()), "trained_to": "soon"}))
    candidate = Candidate(tmp_path)
    with pytest.raises(OperationsError, match="trained_to is 'soon', expected a date"):
        candidate.check_date(candidate.trained_to)


def test_decisions_of_earlier_versions_are_read(desk_with_data):
    config = desk_with_data.config()
    path = Decisions(config).chain.path
    entries = [
        {key: value for key, value in entry.items() if key != "files"} for entry in Chain(path).lines()
    ]
    for each in (path, config.output / "chain_heads.json", *config.output.glob("*/chain_heads.json")):
        each.unlink(missing_ok=True)  # `latest` is one of the runs
    Chain(path).extend(lambda _: entries)
    for other in (config.output / "ledger.jsonl", versions_of(config).chain.path):
        other.unlink()
    decisions = Decisions(config)
    assert [decision.files for decision in decisions.all()] == [{}] * 3
    assert decisions.files_of(decisions.champion().champion) == {}


def test_a_damaged_champion_is_noticed_where_nothing_is_new(desk_with_data):
    decisions = Decisions(desk_with_data.config())
    desk_with_data.retrain("2002-06-30")
    before = decisions.all()
    assert desk_with_data.retrain("2002-06-30").run == before[-1].run, "nothing is new"
    flip(desk_with_data.config().output / before[-1].champion / "model.json")
    with pytest.raises(LedgerError, match=r"model.json: .*tangency run.*tangency promote RUN"):
        desk_with_data.retrain("2002-06-30")
    assert decisions.all() == before


def test_a_damaged_run_is_not_made_champion_by_a_rollback(desk_with_data):
    from desk import quiet

    from operations.champion.manual_promotion import roll_back

    config = desk_with_data.config()
    decisions = Decisions(config)
    before = decisions.all()
    flip(config.output / before[1].run / "model.json")
    with pytest.raises(LedgerError, match=r"model\.json"):
        roll_back(config, quiet(), now=before[-1].at, why="odd")
    assert decisions.all() == before
