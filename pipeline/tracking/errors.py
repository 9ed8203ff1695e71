"""Explanations of MLflow and database errors, which name the file and a remedy."""

from __future__ import annotations

import re
from urllib.parse import unquote

from pipeline.config_files.text import cut_middle

_DATABASE = (
    ("locked", "is in use by another process; wait until it has ended, or end it, and try again"),
    (
        "readonly",
        "cannot be written; give yourself permission to write it and its folder",
    ),
    ("unable to open", "cannot be opened; it must be a file that you may read and write"),
    ("disk is full", "cannot be written: the disk is full"),
    ("schema", "was made by another version of MLflow; move it away, and `tangency sync` makes a new one"),
    ("revision", "was made by another version of MLflow; move it away, and `tangency sync` makes a new one"),
    (
        "no such table",
        "is not a database of this version of MLflow; move it away, and `tangency sync` makes a new one",
    ),
    ("malformed", "is damaged; move it away, and `tangency sync` makes a new one from the runs"),
    ("not a database", "is damaged; move it away, and `tangency sync` makes a new one from the runs"),
    ("disk i/o", "cannot be read or written: the disk reports an error"),
)
"""Explanations by a lower-case part of the error text of SQLite, SQLAlchemy or MLflow."""
_AWAY = ("max retries exceeded", "timed out", "connection refused", "failed to resolve")
_LONGEST = 300


def explain_database(path: str, error: Exception) -> str:
    """Return the explanation of an error of MLflow's database file, with a remedy."""
    said = str(error).lower()
    for part, meaning in _DATABASE:
        if part in said:
            return f"MLflow's database {path} {meaning}"
    return f"MLflow's database {path} cannot be used: {_first_line(error)}"


def explain_tracking(uri: str, error: Exception) -> str:
    """Return the explanation of an error of a tracking server or a local database.

    Parameters
    ----------
    uri : str
        Location of MLflow.
    error : Exception
        Error raised by MLflow or SQLAlchemy.
    """
    if uri.startswith("sqlite:"):
        return explain_database(unquote(uri.removeprefix("sqlite:///")), error)
    uri = re.sub(r"://[^/@]*@", "://", uri)  # remove the password from the message
    if any(part in str(error).lower() for part in _AWAY):
        return f"MLflow at {uri} does not answer"
    return f"MLflow at {uri} says: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    """Return the first line of an error text; in the lines below, SQLAlchemy lists statements and links."""
    lines = [
        line for line in str(error).splitlines() if line.strip() and not line.startswith(("[SQL", "(Back"))
    ]
    return cut_middle(lines[0].strip() if lines else type(error).__name__, _LONGEST)
