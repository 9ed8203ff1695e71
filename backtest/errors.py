"""Errors of simulations.

BacktestError
├── SimulationError   the policy or the dates cannot be simulated, or wealth is lost entirely
└── ComparisonError   two results do not cover the same dates
"""


class BacktestError(Exception):
    """A backtest failed."""


class SimulationError(BacktestError):
    """A simulation cannot start or go on."""


class ComparisonError(BacktestError):
    """Two results cannot be compared."""
