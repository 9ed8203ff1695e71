"""Terms of an objective that are not quadratic: each is a convex function of the weights, limited or penalised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from allocation.covariance_types import Risk
from allocation.solver.programme import Programme
from foundation.types import Floats


class Term(Protocol):
    """A convex function of the weights, limited or penalised."""

    limited: ClassVar[bool] = True

    def add_to_objective(self, programme: Programme, price: float) -> Programme:
        """Return the programme with `price` times the term in its objective."""

    def excess(self, w: Floats, price: float) -> float:
        """Return value less limit, which the search brings to 0; it decreases in the multiplier."""

    def price(self, w: Floats, multiplier: float) -> float:
        """Return the multiplier with which the solution `w` is certified."""
        return multiplier

    def worth(self, price: float) -> float:
        """Return price times limit, less constants that the programme leaves out."""
        return 0.0


@dataclass(frozen=True, eq=False)
class Turnover(Term):
    """sum |w_i - start_i| <= limit."""

    start: Floats
    limit: float

    def add_to_objective(self, programme: Programme, price: float) -> Programme:
        """Add the price to each cost."""
        return programme.with_objective(cost=programme.cost + price)

    def excess(self, w: Floats, price: float) -> float:
        """Return what is traded beyond the limit."""
        return float(np.abs(w - self.start).sum()) - self.limit

    def worth(self, price: float) -> float:
        """Return price times limit."""
        return price * self.limit


@dataclass(frozen=True, eq=False)
class Gross(Term):
    """sum |w_i| <= limit: leverage."""

    limit: float

    def add_to_objective(self, programme: Programme, price: float) -> Programme:
        """Charge for gross exposure."""
        return programme.with_objective(gross=programme.gross + price)

    def excess(self, w: Floats, price: float) -> float:
        """Return the gross exposure beyond the limit."""
        return float(np.abs(w).sum()) - self.limit

    def worth(self, price: float) -> float:
        """Return price times limit."""
        return price * self.limit


@dataclass(frozen=True, eq=False)
class Variance(Term):
    """sqrt((w - b)'Sigma (w - b)) <= limit: volatility with b = 0, tracking error with a benchmark b.

    Benchmark holdings outside the universe are ignored: their risk is unknown.

    Attributes
    ----------
    what : str
        In words.
    sigma : Risk
    benchmark : ndarray of shape (n,)
    limit : float
        Largest standard deviation.
    """

    what: str
    sigma: Risk
    benchmark: Floats
    limit: float

    def deviation(self, w: Floats) -> float:
        """Return the standard deviation."""
        active = w - self.benchmark
        return float(np.sqrt(max(float(active @ (self.sigma @ active)), 0.0)))

    def add_to_objective(self, programme: Programme, price: float) -> Programme:
        """Raise risk aversion around the benchmark."""
        pull = price * (self.sigma @ self.benchmark)
        return programme.with_objective(gamma=programme.gamma + price, mu=programme.mu + pull)

    def excess(self, w: Floats, price: float) -> float:
        """Return half the variance beyond the limit's."""
        return 0.5 * (self.deviation(w) ** 2 - self.limit**2)

    def worth(self, price: float) -> float:
        """Return price times half the limit's variance, less that of the benchmark."""
        b = self.benchmark
        return 0.5 * price * (self.limit**2 - float(b @ (self.sigma @ b)))


@dataclass(frozen=True, eq=False)
class Uncertainty(Term):
    """The penalty kappa sqrt(sum (e_i w_i)^2): the worst mean in an ellipsoid of radius kappa around the forecast.

    Attributes
    ----------
    kappa : float
    error : ndarray of shape (n,)
        e, standard errors of the means.

    Notes
    -----
    Goldfarb and Iyengar (2003), *Mathematics of Operations Research* 28, 1-38; Fabozzi, Kolm, Pachamanova and Focardi
    (2007), *Robust Portfolio Optimization and Management*, section 12.
    """

    kappa: float
    error: Floats
    limited = False

    def add_to_objective(self, programme: Programme, price: float) -> Programme:
        """Add the curvature price e^2."""
        return programme.with_objective(ridge=programme.ridge + price * np.square(self.error))

    def excess(self, w: Floats, price: float) -> float:
        """Return kappa / price less the norm: where it is 0, the norm's slope is the penalty's."""
        norm = float(np.linalg.norm(self.error * w))
        return self.kappa / price - norm if price > 0 else np.inf

    def price(self, w: Floats, multiplier: float) -> float:
        """Return kappa over the norm, or `multiplier` where the norm vanishes."""
        norm = float(np.linalg.norm(self.error * w))
        return self.kappa / norm if norm > 0 else multiplier
