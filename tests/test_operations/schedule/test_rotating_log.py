"""The log of a schedule: bounded, whole lines, whoever writes, and never a reason to stop."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

from operations.schedule.rotating_log import RotatingLog

ROOT = Path(__file__).resolve().parents[3]
NOW = dt.datetime(2026, 5, 1, 6, tzinfo=dt.UTC)
WRITER = """
import datetime as dt, sys
from pathlib import Path
from operations.schedule.rotating_log import RotatingLog
log = RotatingLog(Path(sys.argv[1]), limit=4_000, kept=30)
for n in range(200):
    log.write(f"{sys.argv[2]}{n} " + "x" * 50, dt.datetime.now(dt.UTC))
"""


def test_it_begins_a_new_file_when_one_is_full_and_keeps_the_last_ones(tmp_path):
    log = RotatingLog(tmp_path / "operations" / "schedule.log", limit=1000, kept=2)
    for number in range(100):
        log.write(f"line {number}", NOW)
    names = sorted(path.name for path in log.path.parent.iterdir() if not path.name.startswith("."))
    assert names == ["schedule.log", "schedule.log.1", "schedule.log.2"]
    files = [log.path.with_name(name) for name in ("schedule.log.2", "schedule.log.1", "schedule.log")]
    assert all(path.stat().st_size <= 1000 for path in files)
    numbers = [int(line.split()[-1]) for path in files for line in path.read_text().splitlines()]
    assert numbers == list(range(numbers[0], 100))
    assert numbers[0] > 0


def test_lines_have_time_and_process_and_tracebacks_stay_together(tmp_path):
    log = RotatingLog(tmp_path / "schedule.log")
    log.write("Traceback:\nKeyError", NOW)
    [first, second] = log.path.read_text().splitlines()
    assert first.startswith("2026-05-01 06:00:00 ")
    assert first.endswith("  Traceback:")
    assert second == "    KeyError"


def test_several_processes_lose_no_line(tmp_path):
    path = tmp_path / "schedule.log"
    command = [sys.executable, "-c", WRITER, str(path)]
    many = [subprocess.Popen([*command, name], cwd=ROOT) for name in "abc"]
    assert [process.wait(60) for process in many] == [0, 0, 0]
    files = [path, *tmp_path.glob("schedule.log.*")]
    assert all(file.stat().st_size <= 4_000 for file in files)
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert {line.split()[3] for line in lines} == {f"{name}{n}" for name in "abc" for n in range(200)}
    assert len(lines) == 600
    assert all(line.endswith("x" * 50) for line in lines)


def test_a_log_that_cannot_be_written_says_so_once_and_stops_nothing(tmp_path, capsys):
    (tmp_path / "schedule.log").mkdir()
    log = RotatingLog(tmp_path / "schedule.log", limit=10**9)
    log.write("one", NOW)
    log.write("two", NOW)
    captured = capsys.readouterr().err
    assert captured.count("the log cannot be written") == 1
    assert "schedule.log: Is a directory" in captured
