"""Answers: JSON on one line, and the error that becomes one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

LONGEST = 1000
"""Characters of an error message."""

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class RequestError(Exception):
    """A request cannot be answered: the client's mistake, in one sentence that says what to do.

    Parameters
    ----------
    message : str
    status : int
        HTTP status, 4xx.
    headers : mapping of str to str, optional
    """

    def __init__(self, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in ASCII, which also holds texts that cannot be encoded as UTF-8.

    Raises
    ------
    ValueError
        If a number is not finite: JSON has no word for it.
    """
    text = json.dumps(content, allow_nan=False) + "\n"
    return Response(text, status, {**_HEADERS, **(headers or {})}, media_type="application/json")


def error_response(message: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return `{"error": message}`."""
    text = message if len(message) <= LONGEST else f"{message[:LONGEST]} ..."
    return json_response({"error": " ".join(text.split())}, status, headers)
