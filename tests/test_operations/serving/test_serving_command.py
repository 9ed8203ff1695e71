"""`tangency serve` answers as `tangency predict` does, follows the champion, and ends as a command should."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from desk import Desk, at, quiet

from operations.champion.decisions import Decisions
from operations.champion.forecasting import predict, situation
from operations.champion.manual_promotion import roll_back
from operations.cli import serve as serve_command
from operations.errors import OperationsError
from operations.serving import champion
from operations.serving.champion import ServedChampion
from operations.serving.server import is_loopback, is_unspecified, resolve_address
from pipeline.errors import LedgerError


@pytest.fixture
def decided(tmp_path, trained, untold):
    """A desk of its own with the decisions of `trained`: three champions, one after the other."""
    shutil.copytree(trained.folder / "runs", tmp_path / "runs", symlinks=True)
    desk = Desk(tmp_path)
    desk.decisions = Decisions(desk.config()).all()
    return desk


def serve(*arguments):
    return serve_command.serve.main([str(argument) for argument in arguments], standalone_mode=False)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_served_champion_answers_as_predict_does_without_mlflow_and_ends_with_ctrl_c(trained, tmp_path):
    found = situation(trained.config(), quiet(), at("2002-05-31").date())
    expected = predict(found)
    table = json.loads((found.champion.folder / "inputs.json").read_text())
    port = free_port()
    command = [sys.executable, "-m", "operations", "serve", "--config", trained.path(), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert found.champion.run in server.stdout.readline()
            assert f":{port}/invocations" in server.stdout.readline()
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            headers = {"Content-Type": "application/json"}
            client.request("POST", "/invocations", json.dumps({"dataframe_split": table}), headers)
            answer = json.loads(client.getresponse().read())["predictions"]
            server.send_signal(signal.SIGINT)
            _, errors = server.communicate(timeout=30)
        finally:
            server.kill()
    assert (server.returncode, errors) == (130, "interrupted: the server has ended\n")
    assert [row["asset"] for row in answer] == expected["asset"].to_list()
    for name in ("raw", "mean"):
        assert [row[name] for row in answer] == expected[name].to_list(), "every bit of it"


SIGTERM = """
import socket
from operations.serving.server import listen, run
async def application(scope, receive, send): ...
listener = listen(socket.AF_INET, ("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
run(application, listener)
"""


def test_sigterm_ends_it_with_exit_code_0_also_while_a_client_is_connected():
    with subprocess.Popen(
        [sys.executable, "-c", SIGTERM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        port = int(server.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"POST / HT")
            time.sleep(0.5)
            server.terminate()
            captured = server.communicate(timeout=20)
    assert (server.returncode, captured) == (0, ("", ""))


BUSY = """
import asyncio, signal, socket, sys
from operations.serving import server
from pipeline import stopping
stopping.end_on_signals()
server.END_SECONDS = 0.2
async def application(scope, receive, send):
    print("asked", flush=True)
    await asyncio.sleep(60)
listener = server.listen(socket.AF_INET, ("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
try:
    server.run(application, listener)
except KeyboardInterrupt:
    sys.exit(stopping.settle(stopping.CTRL_C))
"""


def test_ctrl_c_prints_one_line_also_while_a_request_is_answered():
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            port = int(server.stdout.readline())
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert server.stdout.readline() == "asked\n"
                server.send_signal(signal.SIGINT)
                _, errors = server.communicate(timeout=20)
        finally:
            server.kill()
    assert server.returncode == 130
    assert errors.count("\n") == 1
    assert errors.startswith("interrupted: ")


SWALLOWED = """
import os, signal, socket, sys
from operations.serving import server
from pipeline import stopping
stopping.end_on_signals()
stopping._SWALLOWED = 3600  # the checks of the server alone
async def application(scope, receive, send): ...
def swallow():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        pass
def make(application, make=server._make_server):
    swallow()
    return make(application)
if sys.argv[1] == "before":
    swallow()
else:
    server._make_server = make
try:
    server.run(application, server.listen(socket.AF_INET, ("127.0.0.1", 0)))
except KeyboardInterrupt:
    sys.exit(stopping.settle(stopping.CTRL_C))
"""


@pytest.mark.parametrize("moment", ["before", "while it starts"])
def test_a_ctrl_c_that_a_library_swallowed_before_the_server_listens_ends_it(moment):
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED, moment], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith("interrupted: ")


def test_a_new_champion_is_served_with_the_next_request(decided, capsys):
    served = ServedChampion(decided.config())
    first = served.get()
    assert first.run == decided.decisions[2].run
    assert served.get() is first
    roll_back(decided.config(), quiet(), now=at("2002-06-01"), why="strange")
    assert served.get().run == decided.decisions[1].run
    assert served.get().trained_to == decided.decisions[1].data_last
    assert f"now serving {decided.decisions[1].run}" in capsys.readouterr().err


def test_a_champion_that_cannot_be_loaded_leaves_the_one_before(decided, capsys):
    served = ServedChampion(decided.config())
    first = served.get()
    folder = decided.folder / "runs" / decided.decisions[1].run
    spec = json.loads((folder / "model.json").read_text())
    del spec["models"]["ridge"]
    roll_back(decided.config(), quiet(), now=at("2002-06-01"), why="strange")
    (folder / "model.json").write_text(json.dumps(spec))
    assert served.get() is served.get() is first
    captured = capsys.readouterr().err
    assert captured.count("still serving") == 1
    assert "model.json" in captured
    with pytest.raises(LedgerError, match=r"model\.json.*tangency promote"):
        ServedChampion(decided.config())
    Decisions(decided.config()).chain.path.write_text("{}\n")
    assert served.get() is first
    assert "chain of hashes is broken" in capsys.readouterr().err


def test_a_champion_that_is_restored_is_served_without_another_decision(decided, capsys, monkeypatch):
    served = ServedChampion(decided.config())
    first = served.get()
    path = decided.folder / "runs" / decided.decisions[1].run / "model.json"
    content = path.read_bytes()
    roll_back(decided.config(), quiet(), now=at("2002-06-01"), why="strange")
    path.write_bytes(content[:-20])
    monkeypatch.setattr(champion, "RETRY_SECONDS", 0.0)
    for _ in range(3):
        assert served.get() is first
    assert capsys.readouterr().err.count("still serving") == 1, "once per cause"
    path.write_bytes(content)
    monkeypatch.setattr(champion, "RETRY_SECONDS", 3600.0)
    assert served.get() is first, "not with every request"
    monkeypatch.setattr(champion, "RETRY_SECONDS", 0.0)
    assert served.get().run == decided.decisions[1].run
    assert "now serving" in capsys.readouterr().err


def test_requests_that_start_after_a_decision_wait_for_its_champion(decided, monkeypatch):
    served = ServedChampion(decided.config())
    roll_back(decided.config(), quiet(), now=at("2002-06-01"), why="strange")
    loads = []

    def load_slowly(config, load=champion.load_champion):
        loads.append(config)
        time.sleep(0.3)
        return load(config)

    monkeypatch.setattr(champion, "load_champion", load_slowly)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: served.get().run, range(8)))
    assert runs == [decided.decisions[1].run] * 8
    assert len(loads) == 1


def test_nobody_waits_while_a_failed_load_is_tried_again(decided, monkeypatch):
    served = ServedChampion(decided.config())
    first = served.get()
    roll_back(decided.config(), quiet(), now=at("2002-06-01"), why="strange")
    monkeypatch.setattr(champion, "RETRY_SECONDS", 0.0)
    begun, done = threading.Event(), threading.Event()
    fails = LedgerError("the file was changed")

    def load(config):
        begun.set()
        assert done.wait(20)
        raise fails

    done.set()
    monkeypatch.setattr(champion, "load_champion", load)
    assert served.get() is first, "the load fails for the first time"
    begun.clear()
    done.clear()
    with ThreadPoolExecutor(2) as pool:
        retries = pool.submit(served.get)
        try:
            assert begun.wait(20)
            assert pool.submit(served.get).result(timeout=5) is first
        finally:
            done.set()
        assert retries.result(timeout=20) is first


def test_without_a_champion_or_its_files_it_says_what_to_do(decided, tmp_path):
    (decided.folder / "runs" / decided.decisions[2].run / "model.json").unlink()
    with pytest.raises(LedgerError, match=r"model\.json.*missing|model\.json cannot be read"):
        ServedChampion(decided.config())
    Decisions(decided.config()).chain.path.unlink()
    with pytest.raises(LedgerError, match=r"decisions\.jsonl: the file is missing"):
        serve("--config", decided.path(), "--port", free_port())


def test_what_it_cannot_listen_at_is_said_before_a_model_is_loaded(desk):
    config = ("--config", desk.path())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OperationsError, match=f"port {port} of 127.0.0.1 is in use; choose another"):
            serve(*config, "--port", port)
    with pytest.raises(OperationsError, match="no address of this machine"):
        serve(*config, "--host", "192.0.2.1", "--token-file", write_token(desk.folder))
    with pytest.raises(OperationsError, match="is not known"):
        serve(*config, "--host", "no.such.host.invalid")


def write_token(folder, text="0123456789abcdef\n"):
    (folder / "token").write_text(text)
    return folder / "token"


def test_beyond_loopback_a_token_is_needed(desk, monkeypatch):
    config = ("--config", desk.path(), "--port", free_port())
    for host in ("0.0.0.0", "::"):
        with pytest.raises(OperationsError, match="requests must bear a token"):
            serve(*config, "--host", host)
    for text in ("short", "0123456789abcdef 0123456789abcdef", "ö" * 20, ""):
        with pytest.raises(OperationsError, match="--token-file"):
            serve(*config, "--token-file", write_token(desk.folder, text))
    with pytest.raises(OperationsError, match="cannot be read"):
        serve(*config, "--token-file", desk.folder)
    monkeypatch.setenv("TANGENCY_SERVE_TOKEN", "short")
    with pytest.raises(OperationsError, match="TANGENCY_SERVE_TOKEN: expected one token"):
        serve(*config)
    monkeypatch.setenv("TANGENCY_SERVE_TOKEN", "0123456789abcdef")
    assert serve_command._read_token(None) == "0123456789abcdef"
    assert serve_command._read_token(write_token(desk.folder, "fedcba9876543210\n")) == "fedcba9876543210"
    with pytest.raises(OperationsError, match="no host name"):
        serve(*config, "--allowed-host", "http://x")


def test_a_token_file_is_a_small_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OperationsError, match="cannot be read: it is a"):
            serve_command._read_token(path)
    with pytest.raises(OperationsError, match="longer than 4096 bytes"):
        serve_command._read_token(write_token(tmp_path, "0" * 4097))


def test_addresses_that_only_this_machine_reaches():
    assert is_loopback(resolve_address("127.0.0.1", 1)[1])
    assert is_loopback(("::1", 1, 0, 0))
    assert is_loopback(("::1%lo", 1, 0, 0))
    assert not is_loopback(resolve_address("0.0.0.0", 1)[1])
    assert not is_loopback(("192.168.1.1", 1))
    assert is_unspecified(("::", 1))
    assert is_unspecified(("0.0.0.0", 1))
    assert not is_unspecified(("127.0.0.1", 1))


@pytest.mark.parametrize(("mode", "exposed"), [(0o600, False), (0o400, False), (0o644, True), (0o640, True)])
def test_a_token_that_others_can_read_is_named_with_what_to_do(tmp_path, mode, exposed):
    file = write_token(tmp_path, "fedcba9876543210\n")
    file.chmod(mode)
    notice = serve_command._describe_exposure(file)
    assert bool(notice) == exposed
    assert not exposed or f"(mode {mode:04o}); chmod 600 {file}" in notice
    assert serve_command._describe_exposure(None) == ""
