"""A server on loopback that gives the answers that a test plans, and counts what it was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Planned:
    """An answer.

    `cut` sends only that many bytes of the body; `slow` waits so many seconds before the body.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    slow: float = 0.0


@dataclass
class Asked:
    """A request."""

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]


class WebServer:
    """What the server gives, and what it was asked.

    Attributes
    ----------
    url : str
    plan : list of Planned or callable
        Answers in their order, the last one for ever; or a function of the request.
    asked : list of Asked
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.plan: list[Planned] | Callable[[Asked], Planned] = [Planned(status=404)]
        self.asked: list[Asked] = []

    def answer(self, asked: Asked) -> Planned:
        self.asked.append(asked)
        if callable(self.plan):
            return self.plan(asked)
        return self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]


@contextmanager
def serve() -> Iterator[WebServer]:
    """Yield a server on a free port of loopback, stopped at the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
            asked = Asked(parts.path, parameters, {k.lower(): v for k, v in self.headers.items()})
            planned = served.answer(asked)
            self.send_response(planned.status)
            for name, value in planned.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(planned.body)))
            self.end_headers()
            try:
                self.wfile.flush()
                time.sleep(planned.slow)
                self.wfile.write(planned.body[: planned.cut])
            except OSError:
                pass  # the client did not wait
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served = WebServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
