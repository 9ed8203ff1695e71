"""Trading speed: how fast to trade toward what, when trading costs and forecasts fade (Garleanu and Pedersen, 2013).

Excess returns are r' = B f + u', Var[u'] = Sigma; signals fade, f' = (I - Phi) f + e'. A trade d costs
d'Lambda d / 2. The positions x maximise the expected sum over t = 0, 1, ... of

    (1 - rho)^(t+1) (x_t'B f_t - gamma/2 x_t'Sigma x_t) - (1 - rho)^t / 2 (x_t - x_(t-1))'Lambda (x_t - x_(t-1)).

The value is V(x, f) = -x'A_xx x / 2 + x'A_xf f + f'A_ff f / 2 + const, and the best trade is the share
Lambda^-1 A_xx of the way to the aim A_xx^-1 A_xf f. In the coordinates in which Lambda is the identity and Sigma
diagonal, every asset is alone: with s an eigenvalue of Lambda^-1 Sigma, A_xx is a number between 0 and 1 that solves
a quadratic equation. That is how it is computed here, without the matrix roots of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from allocation.errors import InputError
from foundation.types import Floats


@dataclass(frozen=True)
class Preferences:
    """What the investor wants.

    Attributes
    ----------
    risk_aversion : float
        gamma, more than 0.
    discount : float
        rho, the weight that a period loses against the one before it, from 0 to less than 1.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    risk_aversion: float
    discount: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not (np.isfinite(self.risk_aversion) and self.risk_aversion > 0 and 0 <= self.discount < 1):
            raise InputError(
                f"risk_aversion {self.risk_aversion:g} must be more than 0 and discount {self.discount:g} from 0 "
                "to less than 1"
            )

    def rate(self, s: Floats) -> Floats:
        """Return the share of the way to the aim that is traded at once, between 0 and 1.

        Parameters
        ----------
        s : ndarray
            Risk over cost: eigenvalues of Lambda^-1 Sigma; 1 / lambda where Lambda = lambda Sigma.
        """
        kept, u = 1 - self.discount, self.risk_aversion * np.asarray(s, dtype=np.float64)
        b = self.discount + kept * u
        # The root of kept a^2 + b a - kept u = 0, without the difference of two large numbers.
        return np.asarray(2 * kept * u / (b + np.sqrt(b * b + 4 * kept * kept * u)))

    def unit_weight(self, s: Floats) -> Floats:
        """Return kappa = (1 - rho) / (1 + (1 - rho)(gamma s + rate)): what a unit of expected return adds to A_xf."""
        kept = 1 - self.discount
        return np.asarray(kept / (1 + kept * (self.risk_aversion * np.asarray(s) + self.rate(s))))

    def signal_weight(self, s: Floats, decay: Floats) -> Floats:
        """Return alpha = kappa / (1 - kappa (1 - phi)): A_xf's factor for a signal that fades by phi a period."""
        kappa = self.unit_weight(s)
        return np.asarray(kappa / (1 - kappa * (1 - decay)))


@dataclass(frozen=True, eq=False)
class TradingRule:
    """The best way to trade, and its value.

    Attributes
    ----------
    xx, xf, ff : ndarray of shape (N, N), (N, K), (K, K)
        A_xx, A_xf and A_ff of the value.
    rate : ndarray of shape (N, N)
        Lambda^-1 A_xx: the trade is rate @ (aim @ f - x).
    aim : ndarray of shape (N, K)
        A_xx^-1 A_xf: weights of the aim for each unit of a signal.
    """

    xx: Floats
    xf: Floats
    ff: Floats
    rate: Floats
    aim: Floats


def diagonalise_jointly(sigma: Floats, cost: Floats) -> tuple[Floats, Floats]:
    """Return s and V with V'Lambda V = I and V'Sigma V = diag(s).

    Parameters
    ----------
    sigma, cost : ndarray of shape (N, N)
        Sigma and Lambda; Lambda must be positive definite.

    Raises
    ------
    InputError
        If Lambda is not.
    """
    try:
        s, V = scipy.linalg.eigh(sigma, cost)
    except np.linalg.LinAlgError as error:
        smallest = float(np.linalg.eigvalsh((cost + cost.T) / 2)[0])
        raise InputError(
            f"the matrix of trading costs must be positive definite; its smallest eigenvalue is {smallest:.3g}"
        ) from error
    return np.maximum(s, 0.0), V


def trading_rule(
    sigma: Floats, loadings: Floats, decay: Floats, cost: Floats, preferences: Preferences
) -> TradingRule:
    """Solve the problem for any costs and any decay.

    Parameters
    ----------
    sigma : ndarray of shape (N, N)
        Covariance over one period, positive definite.
    loadings : ndarray of shape (N, K)
        B: expected excess return over the period for each unit of a signal.
    decay : ndarray of shape (K,) or (K, K)
        Phi, or its diagonal. The eigenvalues of I - Phi must be less than 1 / sqrt(1 - rho) in size.
    cost : ndarray of shape (N, N)
        Lambda, symmetric positive definite.
    preferences : Preferences

    Notes
    -----
    Garleanu and Pedersen (2013), "Dynamic trading with predictable returns and transaction costs", *Journal of Finance*
    68, 2309-2340: propositions 1 and 2, and 4 for Lambda proportional to Sigma.
    """
    stay = np.eye(loadings.shape[1]) - (np.diag(decay) if decay.ndim == 1 else decay)
    s, V = diagonalise_jointly(sigma, cost)
    rate, kappa = preferences.rate(s), preferences.unit_weight(s)
    b, n_signals = V.T @ loadings, loadings.shape[1]
    # Row i of A_xf in these coordinates: g (I - kappa_i (I - Phi)) = kappa_i b_i.
    g = np.array(
        [np.linalg.solve(np.eye(n_signals) - k * stay.T, k * row) for k, row in zip(kappa, b, strict=True)]
    )
    back = cost @ V
    kept = 1 - preferences.discount
    # C f = (1 - rho)(B + A_xf (I - Phi)) f in these coordinates; the best x there is (x0 + C f) (1 - rate).
    C = kept * (b + g @ stay)
    ff = scipy.linalg.solve_discrete_lyapunov(np.sqrt(kept) * stay.T, C.T @ ((1 - rate)[:, None] * C))
    return TradingRule(
        back @ (rate[:, None] * back.T), back @ g, ff, V @ (rate[:, None] * back.T), V @ (g / rate[:, None])
    )


def matching_cost(proportional: float, variance: float, trade: float) -> float:
    """Return lambda for which trading `trade` of one asset costs as much as at a proportional rate.

    lambda variance trade^2 / 2 = proportional trade. Smaller trades then cost less than the proportional rate, larger
    ones more.

    Parameters
    ----------
    proportional : float
        Cost of a unit traded, a fraction.
    variance : float
        Of the asset's return over one period.
    trade : float
        Typical |trade| in weight, more than 0.

    Raises
    ------
    InputError
        If a number is out of range.
    """
    if not (proportional >= 0 and variance > 0 and trade > 0):
        raise InputError(
            f"proportional cost {proportional:g} must be 0 or more, variance {variance:g} and trade {trade:g} more "
            "than 0"
        )
    return 2 * proportional / (variance * trade)
