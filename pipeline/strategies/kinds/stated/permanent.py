"""The Permanent Portfolio (Browne, 1987)."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from pipeline.strategies.asset_classes import ClassesStrategy
from pipeline.strategies.settings import Assets, RebalanceSection, refuse_repeats


class PermanentStrategy(ClassesStrategy):
    """Four quarters: stocks, bonds, gold, cash. Trades when one leaves the range of 15 to 35 % (Browne, 1987)."""

    kind: Literal["permanent"]
    stocks: Assets
    bonds: Assets
    gold: Assets
    cash: tuple[str, ...] = ()
    rebalance: RebalanceSection = RebalanceSection(absolute=0.10)

    @model_validator(mode="after")
    def _disjoint(self) -> PermanentStrategy:
        refuse_repeats("", self._assets_by_class())
        return self

    def classes(self) -> dict[str, tuple[float, tuple[str, ...]]]:
        """Return the share and the assets of each class."""
        return {name: (0.25, assets) for name, assets in self._assets_by_class().items()}

    def _assets_by_class(self) -> dict[str, tuple[str, ...]]:
        return {"stocks": self.stocks, "bonds": self.bonds, "gold": self.gold, "cash": self.cash}
