"""Errors in data.

DataError
├── SourceError      the data cannot be read: a missing file, an unknown source, a wrong layout
│   ├── AmbiguityError   it can be read in two ways, and nothing in it decides which
│   ├── UnreachableError   the source cannot be reached now: no network, a server that does not answer
│   └── NothingKnownError  the source has no row up to the date as of which it is read
└── IntegrityError   the data can be read, and is wrong: duplicate dates, text in a price
"""

from typing import Any


class DataError(Exception):
    """The user's data cannot be used; the message names the place, the problem and the expected value."""


class SourceError(DataError):
    """The data cannot be read."""


class AmbiguityError(SourceError):
    """The data can be read in two ways; the message names both, and the setting that decides."""


class UnreachableError(SourceError):
    """The source cannot be reached now; later it may."""


class NothingKnownError(SourceError):
    """The source has no row up to the date as of which it is read."""


class IntegrityError(DataError):
    """The data was read and contradicts itself.

    Attributes
    ----------
    findings : tuple of Finding
        The findings of the check that failed; empty if no check made the error.
    """

    def __init__(self, message: str, findings: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings
