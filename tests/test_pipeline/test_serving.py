"""A server ends with the command that started it, however that is ended."""

import os
import signal
import subprocess
import sys

import pytest

# As in a terminal: what a shell starts in the background ignores SIGINT.
STARTER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pipeline.serving import serve_until_interrupted
serve_until_interrupted([sys.executable, "-c", sys.argv[1]], os.environ)
"""
SERVER = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_with_who_started_it(end):
    command = [sys.executable, "-c", STARTER, SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as starter:
        server = int(starter.stdout.readline())
        assert alive(server)
        starter.send_signal(end)
        _, result = starter.communicate(timeout=20)
    assert not alive(server)
    assert result == "", "an end that was asked for is no error"


def test_a_server_that_ends_by_itself_gives_its_exit_code():
    done = subprocess.run([sys.executable, "-c", STARTER, "raise SystemExit(3)"], check=False, timeout=30)
    assert done.returncode == 3
