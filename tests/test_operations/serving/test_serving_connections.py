"""Who sends or reads too slowly, or with too many connections, harms nobody else; what is no HTTP gets JSON too."""

import http.client
import json
import socket
import threading
import time
from contextlib import suppress

import pytest
from served import application, make_model, make_rows, split

from operations.serving import application as endpoints
from operations.serving import connections
from operations.serving.server import _make_server, listen


@pytest.fixture(scope="module")
def address():
    """Run a server with short limits in a thread, and return its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "SECONDS", {"read": 0.6, "answer": 1.0, "flush": 0.3})
        patch.setattr(connections, "CONNECTIONS", 4)
        patch.setattr(endpoints, "BODY_SECONDS", 0.3)
        listener = listen(socket.AF_INET, ("127.0.0.1", 0))
        listener.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, 4096
        )  # soon full where a client does not read
        server = _make_server(application(make_model()))
        thread = threading.Thread(target=server.run, args=([listener],))
        address = listener.getsockname()
        thread.start()
        yield address
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def read_all(connection):
    """Return what comes until the other side closes."""
    connection.settimeout(10)
    content = b""
    try:
        while piece := connection.recv(65536):
            content += piece
    except ConnectionResetError:
        pass
    return content


def test_a_connection_is_kept_for_the_next_request_and_no_version_is_told(address):
    client = http.client.HTTPConnection(*address, timeout=10)
    for _ in range(3):
        client.request(
            "POST", "/invocations", json.dumps(split(make_rows())), {"Content-Type": "application/json"}
        )
        response = client.getresponse()
        assert len(json.loads(response.read())["predictions"]) == 6
        assert "server" not in {name.lower() for name in response.headers}
    client.close()


@pytest.mark.parametrize("start", [b"", b"GET /health HTTP/1.1\r\nHost: loc"])
def test_a_request_that_does_not_come_loses_its_connection(address, start):
    with socket.create_connection(address) as connection:
        connection.sendall(start)
        began = time.monotonic()
        assert read_all(connection) == b""
        assert time.monotonic() - began < 5


def test_bytes_now_and_then_do_not_prolong_it(address):
    with socket.create_connection(address) as connection:
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < 8:
                connection.sendall(b"G")
                time.sleep(0.1)
        assert time.monotonic() - began < 5


def test_a_body_that_does_not_come_is_answered_with_408(address):
    with socket.create_connection(address) as connection:
        connection.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"dataframe_split"'
        )
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert b" 408 " in head.splitlines()[0]
    assert "not complete" in json.loads(body)["error"]


def test_a_client_that_does_not_read_loses_its_connection(address):
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(address)
        connection.settimeout(0.2)
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < 30:
                with suppress(TimeoutError):
                    connection.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
        assert time.monotonic() - began < 25


def test_what_is_no_http_is_refused_in_json(address):
    with socket.create_connection(address) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert b" 400 " in head.splitlines()[0]
    assert json.loads(body) == {"error": "not a valid HTTP/1.1 request"}


def test_two_ways_to_tell_the_end_of_a_body_are_refused_and_what_follows_is_not_read(address):
    with socket.create_connection(address) as connection:
        connection.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"only one of them" in answer


def test_a_body_that_is_too_long_is_answered_before_all_of_it_was_read(address):
    client = http.client.HTTPConnection(*address, timeout=10)
    client.request("POST", "/invocations", b" " * 8_000_000, {"Content-Type": "application/json"})
    response = client.getresponse()
    assert response.status == 413
    assert "1048576 bytes" in json.loads(response.read())["error"]
    client.close()


def test_connections_beyond_the_limit_are_refused_until_others_end(address):
    def ask(connection):
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.settimeout(10)
        answer = b""
        while not answer.endswith(b"}\n"):
            answer += connection.recv(65536)
        return answer

    time.sleep(0.1)
    many = [socket.create_connection(address) for _ in range(6)]
    try:
        time.sleep(0.1)
        answer = ask(many[5])
        assert b" 503 " in answer.splitlines()[0]
        assert "too many connections" in json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
        assert b" 200 " in ask(many[0]).splitlines()[0]
        more = [socket.create_connection(address) for _ in range(6)]
        assert read_all(more[5]) == b"", "closed at once"
        for connection in more:
            connection.close()
    finally:
        for connection in many:
            connection.close()
    time.sleep(0.2)
    with socket.create_connection(address) as connection:
        assert b" 200 " in ask(connection).splitlines()[0]
