"""Maximum diversification: the weights whose own volatilities add up to most of what the portfolio has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from allocation.asset_names import parse_names
from allocation.covariance_types import Risk
from allocation.frontier.maximum_sharpe import MaximumSharpe
from allocation.input_alignment import align_inputs
from allocation.input_checks import check_covariance, find_members
from allocation.problem.constraints import Constraints
from allocation.weights import Weights
from foundation.types import Bools, Floats


class MaximumDiversification:
    """Maximise the diversification ratio w's / sqrt(w'Sigma w), s being the volatilities, within linear limits.

    This is the maximum Sharpe ratio with volatilities in the place of means, and is solved as that: exactly, with
    whatever bounds and groups. Without limits but a budget and w >= 0 the ratio is the same for every multiple of
    w, so that it is also the portfolio of least variance of the correlation matrix, divided by volatilities and made to
    sum to 1; with bounds on weights the two differ, and the ratio of the weights is what is maximised here.

    Parameters
    ----------
    assets : sequence of str, length N
    constraints : Constraints, optional
        All linear limits; none on turnover.

    Raises
    ------
    LimitError
        If there are other limits.

    Notes
    -----
    Choueifaty and Coignard (2008), "Toward maximum diversification", *Journal of Portfolio Management* 35(1), 40-51.
    """

    def __init__(self, assets: Sequence[str], constraints: Constraints | None = None) -> None:
        self.assets = parse_names("assets", assets)
        self.ratio = MaximumSharpe(self.assets, constraints)

    @align_inputs
    def solve(
        self,
        position: int,
        mu: Floats | None,
        sigma: Risk,
        held: Floats | None,
        universe: Bools,
        *,
        validate: bool = True,
    ) -> Weights:
        """Return the weights; `mu` and `held` are not read, the other parameters are those of `Allocator.solve`.

        Raises
        ------
        AllocationError
            As `MaximumSharpe.solve` does.
        """
        inside = find_members(position, self.assets, universe)
        volatility = np.zeros(len(self.assets))
        volatility[inside] = np.sqrt(
            check_covariance(position, self.assets, sigma, inside, validate).diagonal()
        )
        return self.ratio.solve(position, volatility, sigma, held, universe, validate=False)
