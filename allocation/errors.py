"""Errors of allocations.

AllocationError
├── LimitError        a limit makes no sense by itself
├── InfeasibleError   the limits cannot be met together; `limits` names those in conflict
├── InputError        means or covariances cannot be used
│   └── DataError     returns or labelled numbers from a notebook cannot be used; a ValueError too
└── SolverError       the solver found no solution of a feasible problem
"""

from __future__ import annotations


class AllocationError(Exception):
    """No weights can be found."""


class LimitError(AllocationError):
    """A limit is wrong by itself."""


class InfeasibleError(AllocationError):
    """The limits contradict one another.

    Attributes
    ----------
    limits : tuple of str
        Limits in conflict of which none can be left out: without any one of them the others can be met.
    """

    def __init__(self, message: str, limits: tuple[str, ...]) -> None:
        super().__init__(message)
        self.limits = limits

    def __reduce__(self) -> tuple[type[InfeasibleError], tuple[str, tuple[str, ...]]]:
        """Pickle with the limits, without which another process could not make it again."""
        return type(self), (str(self), self.limits)

    def at(self, position: int) -> InfeasibleError:
        """Return the same error for one row."""
        return InfeasibleError(f"row {position}: {self}", self.limits)


class InputError(AllocationError):
    """Means or covariances are not usable."""


class DataError(InputError, ValueError):
    """Returns or labelled numbers are not usable; a ValueError too, as scikit-learn expects of an estimator."""


class SolverError(AllocationError):
    """The solver failed."""
