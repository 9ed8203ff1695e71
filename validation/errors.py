"""What can be wrong with a validation.

ValidationError
├── LeakError       a training label would overlap what it is judged on
├── ScheduleError   the dates asked for cannot make a fold
└── StatisticError  a statistic was asked for of arrays or settings that cannot go together
"""


class ValidationError(Exception):
    """Forecasts cannot be validated as asked."""


class LeakError(ValidationError):
    """Training data would know something of the test."""


class ScheduleError(ValidationError):
    """No fold can be made from these dates."""


class StatisticError(ValidationError):
    """A statistic was asked for of arrays or settings that cannot go together."""
