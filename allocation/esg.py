"""Responsible: an allocator that heeds scores, as an exclusion, as a floor for the portfolio, as a tilt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from allocation.allocator import Allocator
from allocation.errors import InfeasibleError, InputError
from allocation.structure import Risk
from allocation.weights import Weights

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Missing = Literal["exclude", "mean", "worst"] | float
"""What an asset without a score is: not held, average or worst of the universe's known ones, or a score of its own."""

KEPT = 1e-8
"""How far above the floor, in units of the scores' range, the search for the price of score may stop."""
MOST_STEPS = 200
"""Of that search, which takes some ten; what it ends with is above the floor whenever it ends."""


def filled(position: int, scores: Floats, universe: Bools, missing: Missing) -> tuple[Floats, Bools]:
    """Return scores without holes in the universe, and the universe that is left.

    Parameters
    ----------
    position : int
        Row of the decision, for messages.
    scores : ndarray of shape (N,)
        NaN where there is none.
    universe : ndarray of bool, shape (N,)
    missing : Missing

    Raises
    ------
    InputError
        If no asset of the universe has a score.
    """
    known = universe & np.isfinite(scores)
    if not known.any():
        raise InputError(f"row {position}: none of the {int(universe.sum())} assets has a score")
    if missing == "exclude":
        return scores, known
    if missing == "mean":
        value = float(scores[known].mean())
    elif missing == "worst":
        value = float(scores[known].min())
    else:
        value = float(missing)
    return np.where(universe & ~known, value, scores), universe


def tilted(mu: Floats, scores: Floats, universe: Bools, strength: float) -> Floats:
    """Return expected returns with `strength` added per standard deviation of score, shape (N,).

    Parameters
    ----------
    mu : ndarray of shape (N,)
    scores : ndarray of shape (N,)
        Finite in the universe.
    universe : ndarray of bool, shape (N,)
    strength : float
        Expected excess return over one horizon that a score of one cross-sectional standard deviation above the mean of
        the universe is worth.
    """
    spread = float(scores[universe].std())
    if spread <= 1e-12 * float(np.abs(scores[universe]).max()):
        return mu
    z = (scores - float(scores[universe].mean())) / spread
    return np.where(universe, mu + strength * z, mu)


def tilted_benchmark(benchmark: Floats, scores: Floats) -> Floats:
    """Return benchmark weights times scores, scaled to the benchmark's sum, shape (N,).

    Parameters
    ----------
    benchmark : ndarray of shape (N,)
    scores : ndarray of shape (N,)
        0 or more where the benchmark holds something.

    Raises
    ------
    InputError
        If a score is negative or missing there, or all are 0.
    """
    held = benchmark != 0
    if not (scores[held] >= 0).all() or not (benchmark[held] * scores[held]).sum() > 0:
        raise InputError(
            "a benchmark is tilted by scores of 0 or more, known for all that it holds and not all 0"
        )
    weights = np.where(held, benchmark * np.where(held, scores, 0.0), 0.0)
    return np.asarray(weights * (benchmark.sum() / weights.sum()))


def floor_coefficients(
    assets: Sequence[str], scores: Floats, universe: Bools, floor: float
) -> dict[str, float]:
    """Return s_i - floor by asset of the universe: the floor is the linear limit sum_i w_i (s_i - floor) >= 0.

    Parameters
    ----------
    assets : sequence of str, length N
    scores : ndarray of shape (N,)
        Finite in the universe.
    universe : ndarray of bool, shape (N,)
    floor : float
    """
    return {assets[i]: float(scores[i] - floor) for i in np.flatnonzero(universe).tolist()}


class Responsible:
    """Let another allocator choose among what scores allow.

    Parameters
    ----------
    inner : Allocator
        For a floor or a tilt, one that maximises expected returns less risk, such as `MeanVariance`.
    scores_at : callable
        From a row to the scores known at its close, shape (N,), NaN where there is none: for example a row of
        `ScoreTable.at(panel.dates)`.
    missing : Missing
        What an asset without a score is.
    exclude_below : float, optional
        Assets with a smaller score are not held; what is held of them is sold.
    floor : float, optional
        Least average score of what is held: sum_i w_i (s_i - floor) >= 0, so that cash is neutral.
    tilt : float
        See `tilted`.

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
        self.inner = inner
        self.assets = inner.assets
        self.scores_at = scores_at
        self.missing = missing
        self.exclude_below = exclude_below
        self.floor = floor
        self.tilt = tilt

    def solve(self, position: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools) -> Weights:
        """Return the inner allocator's weights among those that the scores allow; see `Allocator.solve`."""
        scores, allowed = filled(position, self.scores_at(position), universe, self.missing)
        if self.exclude_below is not None:
            allowed = allowed & (np.where(allowed, scores, -np.inf) >= self.exclude_below)
            if not allowed.any():
                raise InputError(
                    f"row {position}: no asset has a score of at least {self.exclude_below:g}; the largest is "
                    f"{np.nanmax(np.where(universe, scores, np.nan)):g}"
                )
        if self.tilt:
            mu = tilted(mu, scores, allowed, self.tilt)
        if self.floor is None:
            return self.inner.solve(position, mu, sigma, held, allowed)
        coefficients = floor_coefficients(self.assets, scores, allowed, self.floor)
        excess = np.array([coefficients.get(asset, 0.0) for asset in self.assets])

        def at_price(price: float) -> tuple[Weights, float]:
            weights = self.inner.solve(position, mu + price * excess, sigma, held, allowed)
            return weights, float(excess @ weights.weights)

        weights, slack = cheapest_above(position, at_price, mu[allowed], excess[allowed], self.floor)
        kept = {**weights.attestation.slack, f"score at least {self.floor:g}": slack}
        return replace(weights, attestation=replace(weights.attestation, slack=kept))


def cheapest_above(
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
    for _ in range(MOST_STEPS):
        if slack <= KEPT * spread or high - low <= 1e-14 * high:
            break
        price = low + (high - low) * under / (under - over)
        price = price if low < price < high else (low + high) / 2
        found, reached = at_price(price)
        if reached >= 0:
            weights, slack, high, over = found, reached, price, reached
            under = under / 2 if side == 1 else under
            side = 1
        else:
            low, under = price, reached
            over = over / 2 if side == -1 else over
            side = -1
    return weights, slack
