"""Rows of few coefficients: what limits and programmes state of linear inequalities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from foundation.types import Floats, Indices


@dataclass(frozen=True, eq=False)
class Rows:
    """A sparse array of shape (M, n), row by row.

    Limits are stated at every decision and read when one cannot be met. scipy's own arrays check all that they are
    made of, which would take longer than the decision.

    Attributes
    ----------
    values, columns : ndarray of shape (K,)
        Coefficients that are not zero, and where they stand.
    begins : ndarray of int, shape (M + 1,)
        Where each row begins among them, and the end.
    n : int
    """

    values: Floats
    columns: Indices
    begins: Indices
    n: int

    @classmethod
    def of(cls, row: Floats) -> Self:
        """Return one row, of coefficients of shape (n,)."""
        columns = np.flatnonzero(row)
        return cls(row[columns], columns, np.array([0, len(columns)]), len(row))

    @classmethod
    def each(cls, columns: Indices, n: int) -> Self:
        """Return a row for each column that is named, with a one there."""
        return cls(np.ones(len(columns)), columns, np.arange(len(columns) + 1), n)

    def __len__(self) -> int:
        """Return M."""
        return len(self.begins) - 1

    def __neg__(self) -> Rows:
        """Return the same rows with all signs turned."""
        return Rows(-self.values, self.columns, self.begins, self.n)
