"""Stocks and bonds at 60 and 40 percent, or at other shares."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from pipeline.strategies.asset_classes import ClassesStrategy
from pipeline.strategies.settings import Assets, Fraction, refuse_repeats


class SixtyFortyStrategy(ClassesStrategy):
    """Stocks and bonds. Without bonds the remainder is cash."""

    kind: Literal["sixty_forty"]
    stocks: Assets
    bonds: tuple[str, ...] = ()
    share: Fraction = 0.6

    @model_validator(mode="after")
    def _disjoint(self) -> SixtyFortyStrategy:
        refuse_repeats("", {"stocks": self.stocks, "bonds": self.bonds})
        return self

    def classes(self) -> dict[str, tuple[float, tuple[str, ...]]]:
        """Return the share and the assets of each class."""
        return {
            "stocks": (self.share, self.stocks),
            ("bonds" if self.bonds else "cash"): (1 - self.share, self.bonds),
        }
