"""Errors of operations that the user can fix; each is shown as one message with exit code 2.

PipelineError
└── OperationsError   the operation is not possible with the present configuration, data or files
    ├── BusyError     another process holds the lock: try again later
    └── JobError      a scheduled training failed, or its process ended early or timed out
"""

from pipeline.errors import PipelineError


class OperationsError(PipelineError):
    """An operation is not possible."""


class BusyError(OperationsError):
    """Another process is doing the same work."""


class JobError(OperationsError):
    """A scheduled training failed."""
