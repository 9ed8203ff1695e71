"""Active policy: a forecast is traded as a deviation from what would be held without one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from allocation.allocator import Allocator
from allocation.covariance.path import CovariancePath
from allocation.covariance_types import Risk, select_covariance
from allocation.mean_variance.preparation import median_variance
from allocation.policies.policy import AllocatorPolicy
from foundation.types import Bools, Floats, Ints


@dataclass(eq=False)
class ForecastFreeAnchor:
    """The portfolio that an investor without a forecast and without costs holds at each row, computed once per row.

    Attributes
    ----------
    allocator : Allocator
        With risk aversion gamma and an L2 penalty lambda, without costs and limits on turnover.
    unpenalised : Allocator or None
        The same without the L2 penalty. None where the limits fix the sum of the weights.
    covariances : CovariancePath
    baseline : ndarray of shape (T, N)
        Expected excess return without a forecast.
    risk_aversion, l2_penalty : float
        gamma and lambda.
    active_risk_aversion : float
        Risk aversion gamma_a of a deviation from the anchor.
    """

    allocator: Allocator
    unpenalised: Allocator | None
    covariances: CovariancePath
    baseline: Floats
    risk_aversion: float
    l2_penalty: float
    active_risk_aversion: float
    _pulls: dict[int, Floats] = field(default_factory=dict)

    def universe(self, position: int, mean: Floats) -> tuple[Floats, Risk, Bools]:
        """Return expected returns, covariance and assets that may be held at a row, given a forecast (N,).

        An asset without a forecast is expected to earn the baseline.
        """
        sigma, eligible = self.covariances.at(position)
        expected = np.where(np.isfinite(mean), mean, self.baseline[position])
        return expected, sigma, eligible & np.isfinite(expected)

    def pull(self, position: int) -> Floats:
        """Return what the penalties around the anchor add to expected returns at a row, shape (N,).

        A penalty gamma_a / 2 (w - a)'H(w - a) is gamma_a / 2 w'Hw, which raises the risk aversion, less gamma_a (Ha)'w.
        """
        if position not in self._pulls:
            self._pulls[position] = self._compute_pull(position)
        return self._pulls[position]

    def _compute_pull(self, position: int) -> Floats:
        baseline = self.baseline[position]
        mean, sigma, universe = self.universe(position, baseline)
        ridge = self.l2_penalty * median_variance(sigma)
        # Around their own mean weight, squares measure concentration alone; around 0 they would favour cash.
        centre = np.zeros(len(mean))
        if self.unpenalised is not None and ridge:
            plain = _solve(self.unpenalised, position, mean, sigma, universe)
            centre = np.where(universe, plain.sum() / universe.sum(), 0.0)
        lean = self.risk_aversion * ridge * centre
        anchor = _solve(self.allocator, position, mean + lean, sigma, universe)
        inside = np.flatnonzero(universe)
        risk = np.zeros(len(mean))
        risk[inside] = select_covariance(sigma, inside) @ anchor[inside] + ridge * anchor[inside]
        return lean + self.active_risk_aversion * risk


def _solve(allocator: Allocator, position: int, mean: Floats, sigma: Risk, universe: Bools) -> Floats:
    """Return the weights that an allocator chooses, shape (N,); what is held does not matter without costs."""
    held = universe / universe.sum()
    return allocator.solve(position, mean, sigma, held, universe, validate=False).weights


class ActivePolicy(AllocatorPolicy):
    """Trade a forecast as a deviation from the anchor that has its own risk aversion, at every rebalance.

    Parameters
    ----------
    allocator : Allocator
        With costs, risk aversion gamma + gamma_a and the anchor's L2 penalty.
    anchor : ForecastFreeAnchor
    positions, mean
        See `AllocatorPolicy`.

    Notes
    -----
    Maximises mu'w - gamma/2 [w'Sigma w + lambda v |w - c|^2] - gamma_a/2 (w - a)'(Sigma + lambda v I)(w - a) less
    costs, where a is the anchor, v the median variance and c the same weight for all assets. With gamma_a = gamma, half
    of the deviation that mean and variance alone would choose is held: forecasts are uncertain, and near-duplicates
    make their errors cheap in variance. Roll (1992), *Journal of Portfolio Management* 18(4), 13-22, for active risk;
    DeMiguel, Garlappi, Nogales and Uppal (2009), *Management Science* 55, 798-812, for the norm.
    """

    def __init__(
        self, allocator: Allocator, anchor: ForecastFreeAnchor, positions: Ints, mean: Floats
    ) -> None:
        super().__init__(allocator, anchor.covariances, positions, mean)
        self.anchor = anchor

    def inputs(self, position: int) -> tuple[Floats, Risk, Bools]:
        """Return expected returns (N,) with the pull of the anchor, their covariance, and what may be held (N,)."""
        mean, sigma, universe = self.anchor.universe(position, self.expected(position))
        return mean + self.anchor.pull(position), sigma, universe
