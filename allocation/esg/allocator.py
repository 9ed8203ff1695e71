"""EsgAllocator: scores as an exclusion, as a floor on the portfolio's average, and as a tilt of returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from allocation.allocator import Allocator
from allocation.covariance_types import Risk
from allocation.errors import InfeasibleError, InputError
from allocation.esg.score_adjustments import Missing, floor_coefficients, impute_scores, tilt_returns
from allocation.input_alignment import align_vector
from allocation.problem.allocator_wrapper import AllocatorWrapper
from allocation.problem.sum_limits import Linear
from allocation.weights import Weights
from foundation.types import Bools, Floats

_KEPT = 1e-8
"""How far above the floor, in units of the scores' range, the search for the price of score may stop."""
_MOST_STEPS = 200
"""Of that search, which takes some ten; what it ends with is above the floor whenever it ends."""


class EsgAllocator(AllocatorWrapper):
    """Apply scores to the inputs of another allocator.

    Parameters
    ----------
    inner : Allocator
        For a floor or a tilt, one that maximises expected returns less risk, such as `MeanVariance`.
    scores_at : callable
        From a row to the scores known at its close, shape (N,), NaN where there is none: for example a row of
        `ScoreTable.at(panel.dates)`.
    missing : Missing
        How an asset without a score counts.
    exclude_below : float, optional
        Assets with a smaller score are not held; what is held of them is sold.
    floor : float, optional
        Least average score of what is held: sum_i w_i (s_i - floor) >= 0, so that cash is neutral.
    tilt : float
        See `tilt_returns`.

    Raises
    ------
    InputError
        If a number is not finite.
    """

    def __init__(
        self,
        inner: Allocator,
        scores_at: Callable[[int], Floats],
        *,
        missing: Missing = "exclude",
        exclude_below: float | None = None,
        floor: float | None = None,
        tilt: float = 0.0,
    ) -> None:
        numbers = {"exclude_below": exclude_below, "floor": floor, "tilt": tilt}
        for what, number in numbers.items():
            if number is not None and not np.isfinite(number):
                raise InputError(f"{what} is {number:g}, expected a finite number")
        super().__init__(inner)
        self.scores_at = scores_at
        self.missing = missing
        self.exclude_below = exclude_below
        self.floor = floor
        self.tilt = tilt

    def solve_inner(
        self, position: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools, validate: bool
    ) -> Weights:
        """Return the inner allocator's weights among those that the scores allow; see `Allocator.solve`."""
        scores, allowed = self.allowed(position, universe)
        if self.tilt:
            mu = tilt_returns(mu, scores, allowed, self.tilt)
        if self.floor is None:
            return self.inner.solve(position, mu, sigma, held, allowed, validate=validate)
        coefficients = floor_coefficients(self.assets, scores, allowed, self.floor)
        excess = np.array([coefficients.get(asset, 0.0) for asset in self.assets])

        def at_price(price: float) -> tuple[Weights, float]:
            mean = mu + price * excess
            weights = self.inner.solve(position, mean, sigma, held, allowed, validate=validate)
            return weights, float(excess @ weights.weights)

        weights, slack = _solve_for_floor(position, at_price, mu[allowed], excess[allowed], self.floor)
        kept = {**weights.certificate.slack, f"score at least {self.floor:g}": slack}
        return replace(weights, certificate=replace(weights.certificate, slack=kept))

    def allowed(self, position: int, universe: Bools) -> tuple[Floats, Bools]:
        """Return the scores known at a row, holes filled, and the assets that they leave in the universe, shape (N,).

        Raises
        ------
        InputError
            If no asset has a score.
        InfeasibleError
            If no score is large enough.
        """
        known = align_vector("scores", self.scores_at(position), self.assets)
        scores, allowed = impute_scores(position, known, universe, self.missing)
        if self.exclude_below is None:
            return scores, allowed
        large = allowed & (np.where(allowed, scores, -np.inf) >= self.exclude_below)
        if not large.any():
            name = f"score of each asset at least {self.exclude_below:g}"
            raise InfeasibleError(
                f"row {position}: {name} leaves none; the largest is {float(scores[allowed].max()):g}",
                (name,),
            )
        return scores, large

    def floor_as_limit(self, position: int, universe: Bools) -> Linear | None:
        """Return the floor as a limit on a sum of weights, None without one; parameters as of `allowed`."""
        if self.floor is None:
            return None
        scores, allowed = self.allowed(position, universe)
        return Linear(floor_coefficients(self.assets, scores, allowed, self.floor), minimum=0.0)


def _solve_for_floor(
    position: int,
    at_price: Callable[[float], tuple[Weights, float]],
    mu: Floats,
    excess: Floats,
    floor: float,
) -> tuple[Weights, float]:
    """Return the weights at the least price of score, 0 or more, at which the floor is met, and by how much it is.

    Where the floor binds, the best weights under it are the best without it for expected returns to which a price times
    the score is added: its Lagrange multiplier. What is held of score grows with the price, so the price is found by
    bracketing and false position (Illinois).

    Parameters
    ----------
    position : int
    at_price : callable
        From a price to weights and sum_i w_i (s_i - floor).
    mu, excess : ndarray of shape (n,)
        Expected returns and s - floor of the universe, for the size of the price to begin with.
    floor : float

    Raises
    ------
    InfeasibleError
        If no price is high enough: the other limits do not allow so high a score.
    """
    weights, slack = at_price(0.0)
    if slack >= 0:
        return weights, slack
    spread = float(np.abs(excess).max())
    low, under = 0.0, slack
    high = max(float(np.abs(mu).max()), 1e-6) / spread
    for _ in range(40):
        weights, slack = at_price(high)
        if slack >= 0:
            break
        if high * spread > 1e6 * max(float(np.abs(mu).max()), 1.0):
            raise InfeasibleError(
                f"row {position}: the other limits do not allow an average score of {floor:g}; the weights with the "
                f"largest score miss it by {-slack:.4g} (lower the floor)",
                (f"score at least {floor:g}",),
            )
        low, under, high = high, slack, 8 * high
    over, side = slack, 0
    for _ in range(_MOST_STEPS):
        if slack <= _KEPT * spread or high - low <= 1e-14 * high:
            break
        price = low + (high - low) * under / (under - over)
        price = price if low < price < high else (low + high) / 2
        candidate, reached = at_price(price)
        if reached >= 0:
            weights, slack, high, over = candidate, reached, price, reached
            under = under / 2 if side == 1 else under
            side = 1
        else:
            low, under = price, reached
            over = over / 2 if side == -1 else over
            side = -1
    return weights, slack
