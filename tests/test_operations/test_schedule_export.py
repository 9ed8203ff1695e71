"""What other schedulers are given, read again by those who know the formats."""

import ast
import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from scheduled import scheduled

from operations.errors import OperationsError
from operations.schedule.export import FILES, TARGETS, command_path, export

NASTY = Path('/srv/a folder/100% $HOME\'s "own"')
"""A folder with all that shells, crontabs and systemd take for something else."""


def written(tmp_path, target, folder=NASTY, every=5, paths=(), configs=None, image="tangency:latest"):
    files = export(
        target,
        configs or [scheduled(tmp_path, retries=4, backoff_seconds=60.0)],
        paths,
        tmp_path / "deploy",
        folder=folder,
        command=folder / "bin" / "tangency",
        every=every,
        image=image,
    )
    assert [path.name for path in files] == list(FILES[target])
    return [path.read_text() for path in files]


WORDS = [str(NASTY / "bin" / "tangency"), "run-due", "--config", "configs/my own.yaml"]
PATHS = (Path("configs/my own.yaml"),)


def test_cron_runs_the_command_in_its_folder(tmp_path):
    [text] = written(tmp_path, "cron", paths=PATHS)
    [line] = [line for line in text.splitlines() if not line.startswith("#")]
    *fields, command = line.split(maxsplit=5)
    assert fields == ["*/5", "*", "*", "*", "*"]
    # As cron does: \% is a per cent sign, a bare one would end the command.
    assert "%" not in command.replace("\\%", "")
    assert shlex.split(command.replace("\\%", "%")) == ["cd", str(NASTY), "&&", *WORDS]


def test_a_crontab_line_really_runs(tmp_path):
    """The line's command, given to the shell as cron does, reaches the command with its words, in its folder."""
    folder = tmp_path / NASTY.relative_to("/")
    (folder / "bin").mkdir(parents=True)
    script = folder / "bin" / "tangency"
    script.write_text('#!/bin/sh\npwd\nfor word in "$@"; do echo "$word"; done\n')
    script.chmod(0o755)
    [text] = written(tmp_path, "cron", folder=folder, paths=PATHS)
    command = text.splitlines()[-1].split(maxsplit=5)[5].replace("\\%", "%")
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(folder), *WORDS[1:]]


def test_systemd_reads_the_units(tmp_path):
    service, timer = written(tmp_path, "systemd", paths=PATHS)
    units = [configparser.RawConfigParser(strict=True) for _ in range(2)]
    for unit, text in zip(units, (service, timer), strict=True):
        unit.optionxform = str
        unit.read_string(text)
    assert units[0]["Service"]["Type"] == "oneshot"
    assert units[0]["Service"]["WorkingDirectory"] == str(NASTY).replace("%", "%%")
    began = units[0]["Service"]["ExecStart"]
    assert began.replace("%%", "").count("%") == 0
    assert began.replace("$$", "").count("$") == 0
    assert shlex.split(began.replace("%%", "%").replace("$$", "$")) == WORDS
    assert units[1]["Timer"]["OnCalendar"] == "*:0/5"
    assert units[1]["Timer"]["Persistent"] == "true"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_itself_finds_nothing_wrong(tmp_path):
    command = Path(sys.executable)
    files = export(
        "systemd",
        [scheduled(tmp_path)],
        [Path("configs/my own 100% $HOME.yaml")],
        tmp_path / "deploy",
        folder=tmp_path,
        command=command,
        every=10,
        image="",
    )
    done = subprocess.run(["systemd-analyze", "verify", *map(str, files)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    calendar = subprocess.run(
        ["systemd-analyze", "calendar", "*:0/10"], capture_output=True, text=True, check=True
    )
    assert "*-*-* *:00/10:00" in calendar.stdout


def test_kubernetes_lets_one_run_at_a_time_and_retries_nothing_itself(tmp_path):
    image = 'registry:5000/desk/tangency:"1"'
    [text] = written(tmp_path, "kubernetes", every=10, paths=PATHS, image=image)
    claim, job = yaml.safe_load_all(text)
    assert (claim["kind"], claim["spec"]["accessModes"]) == ("PersistentVolumeClaim", ["ReadWriteOnce"])
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    spec = job["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("*/10 * * * *", "Etc/UTC")
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["restartPolicy"] == "Never"
    assert container["command"] + container["args"] == ["tangency", *WORDS[1:]]
    assert container["image"] == image
    [mount], [volume] = container["volumeMounts"], pod["volumes"]
    assert mount["name"] == volume["name"]
    assert container["workingDir"] == mount["mountPath"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_dagster_is_given_python_with_these_values(tmp_path):
    [text] = written(tmp_path, "dagster", paths=PATHS)
    tree = ast.parse(text)
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id.isupper()
    }
    assert values == {"FOLDER": str(NASTY), "COMMAND": WORDS}
    assert "max_retries=4, delay=65.0" in text
    assert "minimum_interval_seconds=300" in text


@pytest.mark.parametrize("target", TARGETS)
def test_without_files_the_command_finds_its_own(tmp_path, target):
    assert "--config" not in "".join(written(tmp_path, target))


@pytest.mark.parametrize("every", [0, 7, 15, 60, -5])
def test_minutes_that_would_fire_unevenly_are_refused(tmp_path, every):
    with pytest.raises(OperationsError, match="divide 60"):
        written(tmp_path, "cron", every=every)
    assert not (tmp_path / "deploy").exists()


def test_a_path_of_two_lines_is_refused(tmp_path):
    with pytest.raises(OperationsError, match="cannot stand"):
        written(tmp_path, "cron", paths=[Path("configs/a\n* * * * * rm.yaml")])


def test_the_command_is_that_of_this_environment():
    assert command_path() == Path(sys.executable).with_name("tangency")
