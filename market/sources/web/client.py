"""Requests over HTTP: with retries, pauses between requests to a host, time limits and a limit of size."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from market.errors import SourceError
from market.sources.retries import TemporaryError, retry
from market.sources.secrets import clean_message, hide_secrets
from market.sources.settings import FetchSettings

_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
"""Status codes that may pass."""
_PAUSE = 0.5
"""Seconds between two requests to a host: 120 a minute, the limit of FRED."""
_PART = 65_536
_WHOLE = 10
"""A whole answer may take this many times `timeout_seconds`."""
_LAST: dict[str, float] = {}
"""When each host was last asked."""


@dataclass(frozen=True)
class Reply:
    """What a server answered.

    Attributes
    ----------
    status : int
        200, 304 (not modified), or 4xx.
    headers : mapping of str to str
        Names in small letters.
    """

    status: int
    headers: Mapping[str, str]


def fetch_url(
    url: str, target: Path, label: str, settings: FetchSettings, headers: Mapping[str, str] | None = None
) -> Reply:
    """Ask for an address, and write the body of the answer to a file.

    Parameters
    ----------
    url : str
        With its secrets; no message holds them.
    target : Path
    label : str
        What messages call the source.
    settings : FetchSettings
    headers : mapping, optional

    Raises
    ------
    UnreachableError
        If the server cannot be reached, or answers 429 or 5xx, in all attempts.
    SourceError
        If the address is wrong, or the answer is larger than allowed.
    """
    return retry(label, settings.attempts, lambda: _ask(url, target, label, settings, headers or {}))


def find_web_page(path: Path, headers: Mapping[str, str]) -> str:
    """Return the title of a web page that came instead of data ("without a title" if it has none), or ""."""
    with path.open("rb") as file:
        head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    is_page = re.match(rb"(?i)<(!doctype html|html|head|body)", head) is not None
    if not (is_page or (headers.get("content-type", "").startswith("text/html") and head[:1] == b"<")):
        return ""
    title = re.search(rb"(?is)<title[^>]*>(.*?)</title>", head)
    return repr(" ".join(title[1].decode("utf-8", "replace").split())[:80]) if title else "without a title"


def _ask(url: str, target: Path, label: str, settings: FetchSettings, headers: Mapping[str, str]) -> Reply:
    """Ask once."""
    import requests
    from requests.exceptions import (
        ChunkedEncodingError,
        ContentDecodingError,
        RequestException,
        SSLError,
        Timeout,
    )
    from requests.exceptions import (
        ConnectionError as NoConnectionError,
    )

    _pause(urlsplit(url).netloc)
    agent = {"User-Agent": "tangency", "Accept": "*/*"}
    limits = (settings.timeout_seconds, settings.timeout_seconds)
    try:
        with requests.get(url, headers={**agent, **headers}, timeout=limits, stream=True) as response:
            said = {name.lower(): value for name, value in response.headers.items()}
            if response.status_code in _TEMPORARY:
                wait = _read_wait(said.get("retry-after", ""))
                raise TemporaryError(f"the server answered {response.status_code} {response.reason}", wait)
            _write_body(response, target, label, settings)
            return Reply(response.status_code, said)
    except SSLError as error:
        raise SourceError(f"{label}: no safe connection: {clean_message(error, url)}") from error
    except (NoConnectionError, Timeout, ChunkedEncodingError, ContentDecodingError) as error:
        raise TemporaryError(_explain(error, url)) from error
    except RequestException as error:
        raise SourceError(f"{label}: {clean_message(error, url)}") from error


def _write_body(response: Any, target: Path, label: str, settings: FetchSettings) -> None:
    """Write the body of an answer to a file, and watch its size and time."""
    began, size = time.monotonic(), 0
    with target.open("wb") as file:
        for part in _read_parts(response):
            size += len(part)
            if size > settings.max_bytes:
                raise SourceError(
                    f"{label}: the answer has more than {settings.max_bytes / 1e6:,.0f} MB, the limit"
                    " fetch.max_megabytes"
                )
            if time.monotonic() - began > _WHOLE * settings.timeout_seconds:
                raise TemporaryError(
                    f"the answer was not complete after {_WHOLE * settings.timeout_seconds:.0f} s"
                )
            file.write(part)


def _read_parts(response: Any) -> Iterator[bytes]:
    yield from response.iter_content(_PART)


def _read_wait(text: str) -> float | None:
    """Return the seconds of a header Retry-After, which holds a number or a date."""
    if text.strip().isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds())


def _explain(error: Exception, url: str) -> str:
    """Return why no answer came, in words."""
    text, host = clean_message(error, url), hide_secrets(urlsplit(url).netloc)
    for sign, words in (
        ("NameResolutionError", f"the name {host} is not known; is this machine offline?"),
        ("Connection refused", f"nothing answers at {host}"),
        ("Network is unreachable", "there is no network"),
        ("timed out", f"{host} did not answer in time"),
        ("IncompleteRead", "the answer was cut off"),
    ):
        if sign in text:
            return words
    return text


def _pause(host: str) -> None:
    """Wait until a host may be asked again."""
    wait = _LAST.get(host, -_PAUSE) + _PAUSE - time.monotonic()
    if wait > 0:
        time.sleep(wait)
    _LAST[host] = time.monotonic()
