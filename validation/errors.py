"""Errors of validation.

ValidationError
├── LeakError       a training label overlaps the test dates
├── ScheduleError   the given dates cannot form a fold
└── StatisticError  arrays or settings of a statistic do not fit together
"""


class ValidationError(Exception):
    """Forecasts cannot be validated with these settings."""


class LeakError(ValidationError):
    """Training data would contain information about the test dates."""


class ScheduleError(ValidationError):
    """The given dates cannot form a fold."""


class StatisticError(ValidationError):
    """Arrays or settings of a statistic do not fit together."""
