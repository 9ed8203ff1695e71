"""TextTable: a table for the terminal as plain values, so that it can be stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Column:
    """Heading and format of a column.

    Attributes
    ----------
    heading : str
    justify : {"left", "right"}
    overflow : {"ellipsis", "fold"}
        Treatment of text that is too long for its column.
    """

    heading: str = ""
    justify: Literal["left", "right"] = "left"
    overflow: Literal["ellipsis", "fold"] = "ellipsis"


@dataclass(frozen=True)
class TextTable:
    """Columns and rows of text, in the markup of rich.

    Attributes
    ----------
    columns : tuple of Column
    rows : tuple of tuple of str
    show_header : bool
    width : int, optional
        In characters; by default as wide as its content.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    show_header: bool = True
    width: int | None = None

    def __rich__(self) -> Table:
        """Return the rich table for printing on a console."""
        from rich.table import Table

        table = Table(box=None, pad_edge=False, show_header=self.show_header, width=self.width)
        for column in self.columns:
            table.add_column(column.heading, justify=column.justify, overflow=column.overflow)
        for row in self.rows:
            table.add_row(*row)
        return table
