"""StrategySection: what the settings of all strategies have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.settings.limit_keys import LimitKey
from pipeline.settings.section import Section

# Policies are imported where they are made: to read a configuration, no solver is needed.
if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from pipeline.strategies.builder import Workshop


class StrategySection(Section):
    """What all strategies have in common.

    `exempt` names limits of the section `allocation` that do not hold for the strategy. A limit that the run sets must
    be one that the kind keeps, or be named there.
    """

    kind: str
    exempt: tuple[LimitKey, ...] = ()

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision."""
        raise NotImplementedError

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


def only_exempt(exempt: tuple[LimitKey, ...], allowed: tuple[LimitKey, ...]) -> tuple[LimitKey, ...]:
    """Return exemptions of a kind that keeps all other limits, after refusing those from what it keeps."""
    refused = [key for key in exempt if key not in allowed]
    if refused:
        raise ValueError(f"this kind keeps {', '.join(refused)} and cannot be exempt from it")
    return exempt
