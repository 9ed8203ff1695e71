"""Errors of a run that the user can fix, and all errors that are shown as one message with exit code 2.

PipelineError
├── ConfigError   the configuration file is missing, unreadable or wrong
├── RunError      the run cannot continue with this data and configuration
│   └── EarlyTestError  the first test date leaves no rows to train on
├── LeakError     a stage used information from the future
│   └── UnitError     a feature depends on the unit of prices or volumes
├── LedgerError   the record of trials has been changed
├── FileKindError a file is a named pipe, a device or a folder
└── TrackingError MLflow cannot be reached; retrying later helps
    └── RecordError   the payload for MLflow is incomplete; retrying does not help
"""

from allocation.errors import AllocationError
from backtest.errors import BacktestError
from features.spec import FeatureError
from market.errors import DataError
from models.errors import ModelError
from validation.errors import ValidationError


class PipelineError(Exception):
    """The pipeline cannot complete the request."""


class ConfigError(PipelineError):
    """The configuration is wrong."""


class RunError(PipelineError):
    """The run cannot continue."""


class EarlyTestError(RunError):
    """The first test date leaves no rows to train on; a later one may work."""


class LeakError(PipelineError):
    """A stage used information from the future."""


class UnitError(LeakError):
    """A feature depends on the unit of prices or volumes, which later splits and dividends change."""


class LedgerError(PipelineError):
    """The record of trials is incomplete or was changed."""


class FileKindError(PipelineError):
    """The file is not a regular file. Not an OSError: code that accepts a missing file must not accept this one."""


class TrackingError(PipelineError):
    """MLflow cannot be reached."""


class RecordError(TrackingError):
    """The payload for MLflow is incomplete."""


USER_ERRORS = (
    PipelineError,
    DataError,
    FeatureError,
    ValidationError,
    ModelError,
    AllocationError,
    BacktestError,
)
"""All errors that are explained to the user without a traceback."""
