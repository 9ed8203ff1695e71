"""What can go wrong in a run that is the user's to mend, and all that is shown as one message with exit code 2.

PipelineError
├── ConfigError   the configuration file is missing, unreadable or wrong
├── RunError      the run cannot go on with this data and configuration
│   └── EarlyTestError  the first test is too early to train anything before it
├── LeakError     something in the run knew what it could not know
│   └── UnitError     a feature depends on the unit of prices or volumes
├── LedgerError   the record of what was tried has been changed
├── FileKindError a file is a named pipe, a device or a folder
└── TrackingError MLflow cannot be told or asked; trying again later helps
    └── RecordError   what it was to be told is not whole; trying again does not
"""

from allocation.errors import AllocationError
from backtest.errors import BacktestError
from features.spec import FeatureError
from market.errors import DataError
from models.errors import ModelError
from validation.errors import ValidationError


class PipelineError(Exception):
    """The pipeline cannot do what it was asked for."""


class ConfigError(PipelineError):
    """The configuration is wrong."""


class RunError(PipelineError):
    """The run cannot go on."""


class EarlyTestError(RunError):
    """The first test comes before anything can be trained on; a later one may work."""


class LeakError(PipelineError):
    """Something looked ahead."""


class UnitError(LeakError):
    """A feature depends on the unit of prices or volumes, which later splits and dividends change."""


class LedgerError(PipelineError):
    """The record of trials is not whole."""


class FileKindError(PipelineError):
    """What has the name of a file is something else. Not an OSError: where a file may be missing, this may not."""


class TrackingError(PipelineError):
    """MLflow cannot be told or asked."""


class RecordError(TrackingError):
    """The record of what MLflow is to be told is not whole."""


USER_ERRORS = (
    PipelineError,
    DataError,
    FeatureError,
    ValidationError,
    ModelError,
    AllocationError,
    BacktestError,
)
"""Everything that is explained to the user without a traceback."""
