"""Access rules: host names, origins of web pages and a token, checked before the body is read."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response

from operations.serving.answers import error_response

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Names of the loopback interface."""
OPEN = ("/health", "/ping")
"""Paths without a token, for load balancers; they only show that the server responds."""
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Access:
    """Access rules.

    Attributes
    ----------
    hosts : frozenset of str
        Allowed values of the Host header, in lower case, without port.
    token : str or None
        Required token in `Authorization: Bearer ...`; None if no token is required.
    """

    hosts: frozenset[str]
    token: str | None = None

    def refuse(self, path: str, headers: Headers) -> Response | None:
        """Return the error response to a refused request, or None if it is allowed."""
        host = read_host(headers.getlist("host"))
        if host not in self.hosts:
            return error_response(
                f"Host: this name is not served; expected {', '.join(sorted(self.hosts))}; allow others with "
                "tangency serve --allowed-host NAME",
                403,
            )
        if not _is_own_origin(headers):
            return error_response(
                "Origin: web pages of other origins may not ask; send the request without a browser", 403
            )
        if self.token is not None and path not in OPEN and not _has_token(headers, self.token):
            return error_response(
                "Authorization: the token is missing or wrong; send the header Authorization: Bearer TOKEN",
                401,
                {"WWW-Authenticate": "Bearer"},
            )
        return None


def read_host(values: list[str]) -> str | None:
    """Return the name in a Host header in lower case, without its port, or None if there is not exactly one."""
    match = _HOST.fullmatch(values[0].lower()) if len(values) == 1 else None
    return None if match is None else match[1].rstrip(".")


def _is_own_origin(headers: Headers) -> bool:
    """Return whether the request comes from no web page, or from a page of this server.

    Another port is another origin, because any program of this machine may serve pages there.
    """
    origins = headers.getlist("origin")
    return not origins or (
        len(origins) == 1 and origins[0].lower().partition("://")[2] == headers["host"].lower()
    )


def _has_token(headers: Headers, token: str) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(), token.encode())
    return same and scheme.lower() == "bearer"
