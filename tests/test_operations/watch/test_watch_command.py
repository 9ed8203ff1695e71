"""`tangency watch` as users run it, with a server on loopback: new rows are recorded and forecast; Ctrl-C ends it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from desk import Desk, silence
from web_server import Planned, serve

from operations.cli.main import load_commands
from operations.watch.child import run_command
from pipeline.cli.main import main

ROOT = Path(__file__).resolve().parents[3]


def until(what, seconds=90):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


class Running:
    """`tangency` with some arguments, and the lines that it printed."""

    def __init__(self, folder, *arguments):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "operations", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.lines = []
        self.reader = threading.Thread(target=self._copy, daemon=True)
        self.reader.start()

    def _copy(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def said(self, text):
        return any(text in line for line in list(self.lines))

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        error = self.process.stderr.read()
        code = self.process.wait(timeout=60)
        self.reader.join(10)
        return code, error


def test_new_rows_of_a_server_are_recorded_and_forecast(tmp_path, monkeypatch):
    silence(monkeypatch)
    desk = Desk(tmp_path)
    rows = (tmp_path / "prices.csv").read_text().splitlines(keepends=True)
    with serve() as server:
        n_rows = [len(rows) - 2]

        def plan(asked):
            if n_rows[0] == 0:
                return Planned(status=500)
            tag = f'"{n_rows[0]}"'
            if asked.headers.get("if-none-match") == tag:
                return Planned(status=304)
            return Planned("".join(rows[: n_rows[0]]).encode(), headers={"ETag": tag})

        server.plan = plan
        data = {"source": "prices", "url": f"{server.url}/prices.csv", "fetch": {"attempts": 1}}
        desk.retrain("2026-05-01", data=data)
        path = str(desk.path(data=data))
        watch = Running(tmp_path, "watch", "--config", path, "--every", "1s")
        try:
            until(lambda: watch.said("none since version 1"))
            n_rows[0] += 2
            until(lambda: watch.said("version 2 (append): 2 new dates"))
            until(lambda: watch.said("Forecasts at the close of 2002-06"))
            n_rows[0] = 0
            until(lambda: watch.said("500 Internal Server Error"))
            until(lambda: watch.said("failed, again in 4 s"))
            status = subprocess.run(
                [sys.executable, "-m", "operations", "status", "--config", path],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                check=False,
            )
            assert "watch           every 1 s, last heard of" in status.stdout
            assert "the watch failed" in status.stdout
            assert status.returncode == 1
            other = Running(tmp_path, "watch", "--config", path)
            assert other.process.wait(timeout=60) == 2
            assert "another watch of this configuration runs" in other.process.stderr.read()
        finally:
            code, error = watch.end()
    assert code == 130
    assert error == "watch stopped: run the same command to go on\n"
    assert any(asked.headers.get("if-none-match") for asked in server.asked)


def test_times_are_checked_before_anything_runs(monkeypatch, capsys):
    load_commands()
    for given in ("15", "0s", "1w", "40d", "-5m", "1e3s"):
        monkeypatch.setattr("sys.argv", ["tangency", "watch", "--config", "absent.yaml", "--every", given])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert "such as 90s, 15m, 2h or 1d" in capsys.readouterr().err


def test_a_child_that_is_interrupted_ends_too(tmp_path, monkeypatch):
    code = "import os, signal, time; print(os.getpid(), flush=True); time.sleep(60)"
    monkeypatch.setattr("operations.watch.child.COMMAND", (sys.executable, "-c"))
    lines = []

    def beat():
        if lines:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_command([code], lines.append, beat)
    with pytest.raises(ProcessLookupError):
        os.kill(int(lines[0]), 0)


def test_the_code_and_the_last_line_of_a_child(monkeypatch):
    monkeypatch.setattr("operations.watch.child.COMMAND", (sys.executable, "-c"))
    code = "import sys; print('one'); print('two', file=sys.stderr); print(); sys.exit(3)"
    lines = []
    ended, last = run_command([f"import sys; sys.stdout = sys.stderr; {code}"], lines.append, lambda: None)
    assert (ended, last) == (3, "two")
    assert lines == ["one", "two", ""]
