"""ActiveRecord: active portfolios of a run at each decision, and the active returns that their sources earned."""

from __future__ import annotations

from dataclasses import dataclass, replace

from foundation.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class ActiveRecord:
    """Active portfolios beside one benchmark.

    Attributes
    ----------
    names : tuple of str, length P
        Portfolios that are measured at each decision.
    links : tuple of str, length L
        Portfolios of the chain from the unlimited forecast to the traded portfolio, which is the last.
    decisions : ndarray of int, shape (D,)
        Rows of the decisions whose trade is within the data.
    first : ndarray of int, shape (D,)
        First row that each trade earned; what was held then is known at its close.
    n_assets : ndarray of int, shape (D,)
        Assets that could be held.
    risk, transfer, bets : ndarray of shape (D, P)
        Of each portfolio: see `ActiveMeasures`.
    potential : ndarray of shape (D,)
        Of the forecast of the chain: expected active return per unit of active risk, without limits and costs.
    expected : ndarray of shape (D, L)
        Expected active risk of each link over one horizon.
    positions : ndarray of int, shape (R,)
        Rows of the panel whose return was earned.
    gross : ndarray of shape (R, L)
        Return of each link before costs, less that of the benchmark before costs.
    cost : ndarray of shape (R,)
        Cost of the traded portfolio less that of the benchmark.
    """

    names: tuple[str, ...]
    links: tuple[str, ...]
    decisions: Ints
    first: Ints
    n_assets: Ints
    risk: Floats
    transfer: Floats
    bets: Floats
    potential: Floats
    expected: Floats
    positions: Ints
    gross: Floats
    cost: Floats

    def since(self, row: int) -> ActiveRecord:
        """Return what was earned in the rows from `row` on, and the decisions that first earned then."""
        made, kept = self.first >= row, self.positions >= row
        by_decision = {
            name: getattr(self, name)[made]
            for name in (
                "decisions",
                "first",
                "n_assets",
                "risk",
                "transfer",
                "bets",
                "potential",
                "expected",
            )
        }
        by_row = {name: getattr(self, name)[kept] for name in ("positions", "gross", "cost")}
        return replace(self, **by_decision, **by_row)
