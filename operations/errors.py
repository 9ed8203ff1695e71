"""Errors of operations that the user can fix; each is shown as one message with exit code 2.

PipelineError
└── OperationsError   the operation is not possible with the present configuration, data or files
    ├── BusyError     another process holds the lock: try again later
    ├── RevisedError  the source has rewritten known data, which is recorded only if revisions are accepted
    └── JobError      a scheduled training failed, or its process ended early or timed out
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.errors import PipelineError


class OperationsError(PipelineError):
    """An operation is not possible."""


class BusyError(OperationsError):
    """Another process is doing the same work."""


class RevisedError(OperationsError):
    """The source has rewritten known data.

    Parameters
    ----------
    changes : iterable of str
        One sentence about each kind of change.
    """

    def __init__(self, changes: Iterable[str]) -> None:
        self.changes = tuple(changes)
        super().__init__(
            "the source has rewritten the past; nothing was recorded\n  "
            + "\n  ".join(self.changes)
            + "\nIf the revision is right, record it with `tangency update --config FILE --accept-revisions` (FILE:"
            " this configuration); earlier versions stay readable"
        )


class JobError(OperationsError):
    """A scheduled training failed."""
