"""What can go wrong in operations that is the user's to mend; shown as one message with exit code 2.

PipelineError
└── OperationsError   what was asked for cannot be done with what is there
    ├── BusyError     somebody else is doing it right now: trying again later helps
    └── JobError      a scheduled training failed, or its process ended or was out of time
"""

from pipeline.errors import PipelineError


class OperationsError(PipelineError):
    """An operation cannot be done."""


class BusyError(OperationsError):
    """Another process is doing it."""


class JobError(OperationsError):
    """A scheduled training has failed."""
