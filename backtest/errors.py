"""What can be wrong with a simulation.

BacktestError
├── SimulationError   the policy or the dates cannot be simulated, or wealth is lost entirely
└── ComparisonError   two results do not cover the same dates
"""


class BacktestError(Exception):
    """What would have happened cannot be told."""


class SimulationError(BacktestError):
    """A simulation cannot start or go on."""


class ComparisonError(BacktestError):
    """Two results cannot be compared."""
