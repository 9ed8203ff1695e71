"""StrategySection: what the settings of all strategies have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.sections import Section

# Policies are imported where they are made: to read a configuration, no solver is needed.
if TYPE_CHECKING:
    from allocation.policies import Policy
    from pipeline.strategies import Workshop


class StrategySection(Section):
    """What all strategies have in common."""

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each other portfolio that this one is made of."""
        yield from ()

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts are used."""
        yield from ()

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of the assets that are named."""
        yield from ()

    def make(self, shop: Workshop) -> Policy:
        """Return the policy."""
        raise NotImplementedError
