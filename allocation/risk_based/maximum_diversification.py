"""Maximum diversification: the weights whose own volatilities add up to most of what the portfolio has."""

from __future__ import annotations

import numpy as np

from allocation.covariance_types import Risk
from allocation.frontier.maximum_sharpe import MaximumSharpe
from allocation.problem.decision_inputs import DecisionInputs
from foundation.types import Floats


class MaximumDiversification(MaximumSharpe):
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

    def expected_returns(self, inputs: DecisionInputs, sigma: Risk) -> Floats:
        """Return the volatilities, shape (n,)."""
        return np.sqrt(sigma.diagonal())
