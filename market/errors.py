"""Errors in data.

DataError
├── SourceError      the data cannot be read: a missing file, an unknown source, a wrong layout
└── IntegrityError   the data can be read, and is wrong: duplicate dates, text in a price
"""

from typing import Any


class DataError(Exception):
    """The user's data cannot be used; the message names the place, the problem and the expected value."""


class SourceError(DataError):
    """The data cannot be read."""


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
