"""Server: listens, and stops on the usual signals."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import signal
import socket
import sys
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from operations.errors import OperationsError
from operations.serving.connections import Connection
from pipeline.stopping import check_ending, is_ending

KEEP_ALIVE_SECONDS = 15
"""Seconds after which an idle connection is closed."""
END_SECONDS = 5
"""Seconds that running requests have to finish when the server is asked to stop."""


def resolve_address(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """Return the address family and the address to listen on.

    Raises
    ------
    OperationsError
        If the host cannot be resolved.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OperationsError(
            f"--host {host!r} is not known; expected a name or address of this machine, such as 127.0.0.1"
        ) from error
    family, _, _, _, address = min(addresses, key=lambda each: each[0] != socket.AF_INET)
    return family, address


def is_loopback(address: Any) -> bool:
    """Return whether only this machine can reach an address."""
    return _to_ip(address).is_loopback


def is_unspecified(address: Any) -> bool:
    """Return whether an address stands for all addresses of the machine."""
    return _to_ip(address).is_unspecified


def _to_ip(address: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(str(address[0]).partition("%")[0])


def listen(family: socket.AddressFamily, address: Any) -> socket.socket:
    """Return a listening socket.

    Raises
    ------
    OperationsError
        If the port is in use or not permitted, or the address does not belong to this machine.
    """
    try:
        return socket.create_server(address, family=family)
    except OSError as error:
        host, port = address[0], address[1]
        reasons = {
            errno.EADDRINUSE: f"port {port} of {host} is in use; choose another with --port, or end what uses it",
            errno.EACCES: f"port {port} is not allowed for this user; choose one above 1023 with --port",
            errno.EADDRNOTAVAIL: f"{host} is no address of this machine; choose one with --host",
        }
        raise OperationsError(
            reasons.get(error.errno or 0, f"cannot listen at {host}, port {port}: {error.strerror}")
        ) from error


class _Server(uvicorn.Server):
    """A server that does not start if a stop signal arrived before uvicorn installed its handlers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start accepting connections."""
        await super().startup(sockets)
        self.should_exit = self.should_exit or is_ending()


def _is_worth_printing(record: logging.LogRecord) -> bool:
    """Return whether a log record is more than the notice that a shutdown cancelled requests."""
    given_up = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not given_up and not str(record.msg).startswith("Cancel %s running task")


def _make_server(application: ASGIApp) -> uvicorn.Server:
    """Return a configured server that is not yet running."""
    server = _Server(
        uvicorn.Config(
            application,
            http=Connection,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=END_SECONDS,
        )
    )
    logging.getLogger("uvicorn.error").addFilter(
        _is_worth_printing
    )  # after uvicorn has configured its loggers
    return server


def run(application: ASGIApp, listener: socket.socket) -> None:
    """Serve requests until a signal ends the process; exit code 0 after SIGTERM.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, including an earlier one that a library swallowed.
    """
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(0)
    )  # uvicorn raises the signal again after it has stopped
    check_ending()
    _make_server(application).run(sockets=[listener])
    check_ending()
