"""Cache of answers: each is a file under the SHA-256 of its content, beside the time at which it was fetched."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from market.errors import SourceError

_ENTRY = "entry.json"
_KEPT_SECONDS = 86_400.0
"""Age up to which older answers are kept: another process may be reading them."""


@dataclass(frozen=True)
class Entry:
    """The newest answer of a source.

    Attributes
    ----------
    label : str
    filled_at : str
        When the answer was fetched, or the source last said that it is unchanged; ISO 8601, UTC.
    file : str
        Path of the content below the folder of the source.
    sha256 : str
        Of the content.
    etag, last_modified : str
        What the server said of the answer; empty if nothing.
    """

    label: str
    filled_at: str
    file: str
    sha256: str
    etag: str = ""
    last_modified: str = ""

    @property
    def filled(self) -> dt.datetime:
        """When the answer was fetched."""
        return dt.datetime.fromisoformat(self.filled_at)


class SourceCache:
    """The answers of one source in a folder that only this user may read.

    Parameters
    ----------
    folder : Path
        Created if it is missing.
    key : str
        Text that identifies the source and what is asked of it, without secrets.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder / hashlib.sha256(key.encode()).hexdigest()[:20]

    def read(self) -> Entry | None:
        """Return the newest entry, None if there is none.

        Raises
        ------
        SourceError
            If the cache is damaged.
        """
        path = self.folder / _ENTRY
        try:
            entry = Entry(**json.loads(path.read_text(encoding="utf-8")))
            if entry.filled.tzinfo is None:
                raise self._damage(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise self._damage(path) from error
        content = self.folder / entry.file
        if not content.is_file() or _digest(content) != entry.sha256:
            raise self._damage(content)
        return entry

    def path_of(self, entry: Entry) -> Path:
        """Return the path of the content of an entry."""
        return self.folder / entry.file

    def fill(self, label: str, name: str, write: Callable[[Path], None], **said: str) -> Entry:
        """Write an answer, and return its entry.

        Parameters
        ----------
        label : str
        name : str
            Name of the file.
        write : callable
            Writes the content to a path.
        **said : str
            `etag` and `last_modified`.
        """
        _make_private(self.folder)
        hidden = self.folder / f".partial-{secrets.token_hex(6)}"
        hidden.mkdir(mode=0o700)
        try:
            write(hidden / name)
            (hidden / name).chmod(0o600)
            sha = _digest(hidden / name)
            target = self.folder / sha[:16]
            try:
                hidden.rename(target)
            except OSError:  # the same answer is there already
                if not (target / name).is_file() or _digest(target / name) != sha:
                    shutil.rmtree(target, ignore_errors=True)
                    hidden.rename(target)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
        entry = Entry(label, _now(), f"{sha[:16]}/{name}", sha, **said)
        self._write_entry(entry)
        self._forget_old(sha[:16])
        return entry

    def confirm(self, entry: Entry) -> Entry:
        """Record that the source says that its answer is unchanged."""
        entry = replace(entry, filled_at=_now())
        self._write_entry(entry)
        return entry

    def _write_entry(self, entry: Entry) -> None:
        hidden = self.folder / f".partial-{secrets.token_hex(6)}"
        with os.fdopen(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(entry), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(self.folder / _ENTRY)

    def _forget_old(self, kept: str) -> None:
        """Delete older answers, and what killed processes left."""
        for path in self.folder.iterdir():
            with suppress(OSError):
                if path.name not in (kept, _ENTRY) and time.time() - path.stat().st_mtime > _KEPT_SECONDS:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _damage(self, path: Path) -> SourceError:
        return SourceError(
            f"{path}: the cache is damaged; delete the folder {self.folder} and fetch the data again"
        )


def _make_private(folder: Path) -> None:
    if not folder.is_dir():
        if folder.parent != folder:
            _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
