"""Downloads of a file, which are asked again only if they changed."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from market.errors import SourceError
from market.sources.cache import Entry, SourceCache
from market.sources.kinds import Download
from market.sources.secrets import expand_variables
from market.sources.settings import FetchSettings
from market.sources.web.client import Reply, fetch_url, find_web_page

_SIGNS = ((b"PAR1", ".parquet"), (b"PK\x03\x04", ".xlsx"), (b"\x1f\x8b", ".csv.gz"), (b"BZh", ".csv.bz2"))
"""First bytes of a file, and the ending of its name; others are CSV."""


def download_file(
    source: Download, settings: FetchSettings, cache: SourceCache, before: Entry | None
) -> Entry:
    """Download a file, unless the server says that it is the one of an earlier entry.

    Raises
    ------
    UnreachableError
        If the server cannot be reached.
    SourceError
        If the server answers with an error, a web page or nothing.
    """
    url = expand_variables(source.url, source.label)
    headers = {}
    if before is not None:
        pairs = (("If-None-Match", before.etag), ("If-Modified-Since", before.last_modified))
        headers = {name: value for name, value in pairs if value}
    with tempfile.TemporaryDirectory(prefix="tangency-") as folder:
        body = Path(folder) / "body"
        reply = fetch_url(url, body, source.label, settings, headers)
        if reply.status == 304 and before is not None:
            return cache.confirm(before)
        ending = _check(source, reply, body)
        stem = unquote(Path(urlsplit(url).path).name).partition(".")[0] or "download"
        return cache.fill(
            source.label,
            f"{stem}{ending}",
            partial(_copy, body),
            etag=reply.headers.get("etag", ""),
            last_modified=reply.headers.get("last-modified", ""),
        )


def _copy(body: Path, path: Path) -> None:
    shutil.copyfile(body, path)


def _check(source: Download, reply: Reply, body: Path) -> str:
    """Return the ending of the name of a file that was downloaded.

    Raises
    ------
    SourceError
        If it is none.
    """
    wish = "expected a CSV, Parquet or Excel file"
    if reply.status != 200:
        raise SourceError(f"{source.label}: the server answered {reply.status}; {wish}")
    if page := find_web_page(body, reply.headers):
        raise SourceError(f"{source.label}: the server answered with a web page ({page}); {wish}")
    with body.open("rb") as file:
        head = file.read(64)
    if not head:
        raise SourceError(f"{source.label}: the server answered with an empty file; {wish}")
    if head.lstrip()[:1] in (b"{", b"["):
        raise SourceError(f"{source.label}: the server answered with JSON; {wish}, or use data.load")
    return next((ending for sign, ending in _SIGNS if head.startswith(sign)), ".csv")
