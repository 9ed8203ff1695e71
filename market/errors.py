"""Errors in data.

DataError
├── SourceError      the data cannot be read: a missing file, an unknown source, a wrong layout
│   ├── UnreachableError   the source cannot be reached now: no network, a server that does not answer
│   └── NothingKnownError  the source has no row up to the date as of which it is read
└── IntegrityError   the data can be read, and is wrong: duplicate dates, text in a price
"""


class DataError(Exception):
    """The user's data cannot be used; the message names the place, the problem and the expected value."""


class SourceError(DataError):
    """The data cannot be read."""


class UnreachableError(SourceError):
    """The source cannot be reached now; later it may."""


class NothingKnownError(SourceError):
    """The source has no row up to the date as of which it is read."""


class IntegrityError(DataError):
    """The data was read and contradicts itself."""
