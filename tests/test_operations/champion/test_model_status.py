"""What status says of a champion's files, runs and data, with and without a schedule."""

import datetime as dt
import hashlib

import pytest
from scheduled import scheduled

from operations.champion.decisions import Decision, Decisions
from operations.champion.run_files import FILES
from operations.cli.output.status import describe_status
from operations.errors import OperationsError
from operations.schedule.status import status
from pipeline.config import RunConfig

NOW = dt.datetime(2026, 5, 1, 5, tzinfo=dt.UTC)
RUN = "mine-20260401T050000-0123ab-00ff"


@pytest.fixture
def config(tmp_path):
    return scheduled(tmp_path / "runs")


def write_run(config, name=RUN):
    """Write the files of a run, and return their SHA-256."""
    folder = config.output / name
    folder.mkdir(parents=True)
    for file in FILES:
        (folder / file).write_text(f"content of {file}")
    return {file: hashlib.sha256(f"content of {file}".encode()).hexdigest() for file in FILES}


def crown(config):
    """Record a run as champion, with its files."""
    decision = Decision("promoted", NOW, RUN, RUN, None, "id", "2026-03-31", "because", (), write_run(config))
    Decisions(config).record(decision, [])


def unscheduled(config):
    return RunConfig.model_validate(config.model_dump() | {"schedule": None})


def test_a_champion_whose_files_are_whole_is_no_problem(config):
    crown(config)
    [job] = status([unscheduled(config)], NOW)
    assert job.problems == ()
    assert job.model.champion == RUN


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", ["change", "remove"])
def test_each_damaged_file_of_the_champion_is_a_problem(config, file, damage):
    crown(config)
    path = config.output / RUN / file
    path.write_text("other") if damage == "change" else path.unlink()
    [job] = status([unscheduled(config)], NOW)
    [problem] = job.problems
    assert "the champion cannot be used" in problem
    assert str(path) in problem
    [scheduled_job] = status([config], NOW)
    assert problem in scheduled_job.problems


def test_without_a_schedule_champion_runs_and_data_are_shown(config):
    crown(config)
    [job] = status([unscheduled(config)], NOW)
    lines = "\n".join(describe_status(job, NOW))
    assert f"{RUN} since" in lines
    assert f"1, the newest is {RUN}" in lines
    assert "no version recorded" in lines
    assert "none is set" in lines
    assert "nobody keeps the schedule" not in lines


def test_without_a_champion_the_commands_that_give_one_are_named(config):
    [job] = status([config], NOW)
    assert "`tangency retrain`" in job.model.advice
    write_run(config)
    write_run(config, "mine-2-20270401T050000-0123ab-00ff")  # of the configuration mine-2
    [job] = status([config], NOW)
    assert f"`tangency promote {RUN} --reason ...`" in job.model.advice
    with pytest.raises(OperationsError, match=f"tangency promote {RUN}"):
        Decisions(config).reigning()
