"""Connections: uvicorn's HTTP protocol with limits on time and number of connections, and JSON error responses."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from operations.serving.answers import error_response

SECONDS = {"read": 30.0, "answer": 120.0, "flush": 10.0}
"""Time limits in seconds: "read" for the head of a request and again for its body, "answer" for computing the response,
and "flush" for the client to read the rest of a response when the connection closes."""
CONNECTIONS = 100
"""Beyond this number, requests are refused with status 503; beyond twice this number, connections are refused."""


async def _busy(scope: Scope, receive: Receive, send: Send) -> None:
    response = error_response(
        "too many connections; try again later", 503, {"Connection": "close", "Retry-After": "1"}
    )
    await response(scope, receive, send)


class Connection(H11Protocol):
    """One connection. It is closed if the client sends or reads too slowly."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._phase: tuple[str, int] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, and refuse it if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            self.app = _busy
        if len(self.connections) > 2 * CONNECTIONS:
            transport.abort()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Process bytes from the client."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Prepare for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from the count."""
        super().connection_lost(exc)
        self._set_timer(None)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection."""
        super().timeout_keep_alive_handler()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Respond to data that is not valid HTTP."""
        body = bytes(error_response("not a valid HTTP/1.1 request", 400).body)
        headers = [("Content-Type", "application/json"), ("Connection", "close")]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            events = (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage())
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._watch()

    def _watch(self) -> None:
        """Start the timer of the connection's present phase, unless it is already running."""
        phase = None  # idle; uvicorn limits this phase
        if self.transport.is_closing():
            phase = ("flush", 0)  # asyncio waits for the client to read the rest
        elif self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and self.timeout_keep_alive_task is None:
            phase = ("read", id(self.cycle))
        elif self.cycle is not None and not self.cycle.response_complete:
            phase = ("answer", id(self.cycle))
        if phase != self._phase:
            self._set_timer(phase)

    def _set_timer(self, phase: tuple[str, int] | None) -> None:
        self._phase = phase
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if phase is None else self.loop.call_later(SECONDS[phase[0]], self.transport.abort)
