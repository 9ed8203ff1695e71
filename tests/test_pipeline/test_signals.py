"""Signals and closed pipes: every command ends at once, with one line or none, and the customary exit code."""

import os
import signal
import subprocess
import sys
import time

import pytest

INTERRUPTED = "interrupted: finished stages are kept, run the same command to go on\n"
SLOW = """
import sys, time
print("importing", flush=True)
# A library that catches whatever is raised while it loads.
try:
    time.sleep(0.4)
except BaseException:
    print("half loaded", flush=True)
"""
COMMAND = """
import sys, time
import pipeline.cli.main
from operations.cli import main as cli
@pipeline.cli.main.tangency.command()
def slow():
    import slow_part
    try:
        print("works", flush=True)
        for _ in range(300):
            time.sleep(0.1)
    finally:
        print("tidied", flush=True)
sys.argv = ["tangency", "slow"]
cli.main()
"""


def start(*arguments, **options):
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, INTERRUPTED), (signal.SIGTERM, 143, ""), (signal.SIGHUP, 129, "")],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP"],
)
def test_a_signal_during_an_import_ends_the_command_when_the_import_is_done(tmp_path, number, code, said):
    (tmp_path / "slow_part.py").write_text(SLOW)
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    process = start("-c", COMMAND, env=os.environ | {"PYTHONPATH": paths})
    assert process.stdout.readline() == "importing\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (code, said)
    assert out in ("tidied\n", "works\ntidied\n", "")


def test_a_second_ctrl_c_ends_what_takes_long_to_tidy_up(tmp_path):
    (tmp_path / "slow_part.py").write_text("")
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    code = COMMAND.replace('print("tidied", flush=True)', 'print("tidying", flush=True); time.sleep(60)')
    process = start("-c", code, env=os.environ | {"PYTHONPATH": paths})
    for line in ("works\n", "tidying\n"):
        assert process.stdout.readline() == line
        process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", INTERRUPTED)
    assert process.returncode == 130


SWALLOWING = """
import sys, time
import pipeline.cli.main
from operations.cli import main as cli
@pipeline.cli.main.tangency.command()
def slow():
    try:
        print("works", flush=True)
        time.sleep(20)
    except BaseException:
        print("swallowed", flush=True)
    try:
        time.sleep(20)
    finally:
        time.sleep(1.2)
        print("tidied", flush=True)
sys.argv = ["tangency", "slow"]
cli.main()
"""


def test_an_interruption_that_a_library_swallows_is_raised_again_but_not_while_it_is_handled():
    process = start("-c", SWALLOWING)
    assert process.stdout.readline() == "works\n"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "swallowed\ntidied\n", INTERRUPTED)
    assert time.monotonic() - began < 15


def test_ctrl_c_at_any_moment_of_a_command_is_one_line():
    """The first moments belong to the interpreter, which has no handler of ours yet."""
    for delay in (0.15, 0.3, 0.45):
        process = start("-m", "operations", "features")
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        if process.returncode == 0:
            continue  # it was done before
        if "site" in err or not err:
            continue  # the interpreter had not begun with the program
        assert (process.returncode, err) == (130, INTERRUPTED), delay


@pytest.mark.parametrize("command", ["--help", "features"])
def test_a_closed_pipe_ends_a_command_quietly(command):
    process = start("-m", "operations", command)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=30) == 141


def test_a_process_that_nohup_started_stays_deaf(tmp_path):
    (tmp_path / "slow_part.py").write_text("")
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + COMMAND
    code = code.replace("range(300)", "range(5)")
    process = start("-c", code, env=os.environ | {"PYTHONPATH": paths})
    assert process.stdout.readline() == "works\n"
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=30) == ("tidied\n", "")
    assert process.returncode == 0


LIMIT = """
import json, os, sys
import pipeline.cli.main
from operations.cli import main as cli
@pipeline.cli.main.tangency.command()
def read():
    try:
        json.loads("7" * 2_000_000)
    except ValueError as error:
        print(error, os.environ.get("PYTHONINTMAXSTRDIGITS"))
sys.argv = ["tangency", "read"]
cli.main()
"""


def test_no_command_reads_an_integer_of_millions_of_digits_whatever_the_environment():
    paths = os.pathsep.join(sys.path)
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONINTMAXSTRDIGITS": "0"}
    out, err = start("-c", LIMIT, env=environment).communicate(timeout=30)
    assert out.startswith("Exceeds the limit (4300 digits)"), err
    assert out.endswith("None\n"), "nor do processes that it starts"


@pytest.mark.parametrize("moment", ["make_context", "invoke"])
def test_an_interruption_while_click_parses_or_runs_prints_no_empty_line(moment):
    code = (
        "import click\n"
        "from pipeline.endings import Commands, exit_codes\n"
        "def interrupt(*args, **settings): raise KeyboardInterrupt\n"
        f"click.Group.{moment} = interrupt\n"
        "with exit_codes(): Commands('all')(['x'], standalone_mode=False)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", INTERRUPTED)
