"""Roles that the user gives to columns: cash and the market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foundation.suggestions import suggest
from market.errors import SourceError
from market.findings import Kind
from market.text.names import clean_name
from market.values.cash import KINDS, CashColumn, CashKind
from market.values.grid import Grid

RoleSetting = str | Mapping[str, str] | None
"""Name of a column, or `{column: ..., values: ...}`."""


@dataclass(frozen=True)
class Roles:
    """The columns of cash and of the market, and what they hold; None where the settings do not say."""

    cash: str | None
    cash_kind: CashKind | None
    market: str | None
    market_kind: Kind | None

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the roles that no column has."""
        defaults = {
            "cash": "cash earns 0.",
            "market": "the market is the equally weighted mean of the listed assets.",
        }
        absent = (role for role in defaults if getattr(self, role) is None)
        return tuple(f"No {role} column was named: {defaults[role]}" for role in absent)

    def check_names(self, source: str, names: Sequence[str]) -> None:
        """Refuse columns that are missing or the same."""
        for role, name in (("cash", self.cash), ("market", self.market)):
            if name is not None and name not in names:
                raise SourceError(f"{source}: no {role} column {name!r}{suggest(name, names)}")
        if self.cash is not None and self.cash == self.market:
            raise SourceError(f"{source}: column {self.cash!r} is named as cash and as market")

    def select_cash(self, source: str, grid: Grid, dates: pd.DatetimeIndex) -> CashColumn | None:
        """Return cash at some dates of a grid, None without a column."""
        if self.cash is None:
            return None
        values = grid.values[:, grid.names.index(self.cash)]
        column = CashColumn(source, self.cash, grid.dates, values, self.cash_kind)
        return column.select_rows(np.isin(grid.dates, dates))


def read_roles(source: str, cash: RoleSetting, market: RoleSetting) -> Roles:
    """Read the settings of roles.

    Parameters
    ----------
    source : str
        What to call the file in messages.
    cash, market : str, mapping or None
        Name of a column, or `{column: ..., values: ...}`.

    Raises
    ------
    SourceError
        If a mapping has other keys, or values that are none.
    """
    return Roles(*_read_role(source, "cash", cash), *_read_role(source, "market", market))


def _read_role(source: str, role: str, given: RoleSetting) -> tuple[str | None, Any]:
    """Return the column of a role, and the kind of its values if configured."""
    if given is None or isinstance(given, str):
        return given and clean_name(given), None
    wanted = KINDS if role == "cash" else ("prices", "returns")
    if set(given) != {"column", "values"} or given["values"] not in wanted:
        raise SourceError(
            f"{source}: {role} is {dict(given)}, expected a column's name or column and values,"
            f" values one of {', '.join(wanted)}"
        )
    return clean_name(given["column"]), given["values"]
