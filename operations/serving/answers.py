"""Answers: JSON responses on one line, the error that is converted to a response, and the values that it shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

LONGEST = 1000
"""Largest number of characters of an error message."""

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class RequestError(Exception):
    """An invalid request; the message states the mistake and the fix in one sentence.

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
    """Return a JSON response in ASCII, which can also represent text that UTF-8 cannot encode.

    Raises
    ------
    ValueError
        If a number is not finite, which JSON cannot represent.
    """
    text = json.dumps(content, allow_nan=False) + "\n"
    return Response(text, status, {**_HEADERS, **(headers or {})}, media_type="application/json")


def error_response(message: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with the body `{"error": message}`."""
    text = message if len(message) <= LONGEST else f"{message[:LONGEST]} ..."
    return json_response({"error": " ".join(text.split())}, status, headers)


def name_kind(value: Any) -> str:
    """Return the name of a value's JSON type."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def show_json(value: Any) -> str:
    """Return a value as JSON if it is short."""
    if isinstance(value, (dict, list)):
        return name_kind(value)
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:80]} ..."
