"""Unsmoothing: the returns behind appraisals, for estimates of risk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from allocation.covariance.path_estimation import covariance_path
from allocation.covariance_types import Risk
from allocation.errors import InputError
from foundation.types import Floats

_MOST = 0.95
"""Largest autocorrelation that is undone: at 1 nothing new is ever seen."""


def _unsmooth_geltner(returns: Floats, autocorrelation: float | None = None) -> Floats:
    """Return the returns behind appraisals that tell a part of what is new: r_t = (s_t - a s_{t-1}) / (1 - a).

    Parameters
    ----------
    returns : ndarray of shape (T,)
        Smoothed, s; without holes.
    autocorrelation : float, optional
        a, the first-order autocorrelation; by default that of the returns, between 0 and `_MOST`.

    Returns
    -------
    ndarray of shape (T,)
        The first is NaN. The mean stays about the same; the variance grows by (1 + a) / (1 - a) if the true
        returns are independent.

    Notes
    -----
    Geltner (1993), *Journal of Real Estate Research* 8, 325-345; Fisher, Geltner and Webb (1994), *Journal of Real
    Estate Finance and Economics* 9, 137-164, for returns instead of values.
    """
    a = _autocorrelation(returns) if autocorrelation is None else autocorrelation
    if not 0 <= a < 1:
        raise InputError(f"autocorrelation {a:g} must lie in [0, 1)")
    out = np.full(len(returns), np.nan)
    out[1:] = (returns[1:] - a * returns[:-1]) / (1 - a)
    return out


def _autocorrelation(returns: Floats) -> float:
    centred = returns - returns.mean() if len(returns) else returns
    energy = float((centred**2).sum())
    return float(np.clip((centred[1:] * centred[:-1]).sum() / energy, 0.0, _MOST)) if energy > 0 else 0.0


def _smoothing_weights(returns: Floats, lags: int) -> Floats:
    """Return the weights theta_0 to theta_lags, of sum 1, by which true returns enter the smoothed ones.

    s_t = theta_0 r_t + ... + theta_k r_{t-k}, r independent: a moving average of order k, fitted by maximum
    likelihood with normal innovations, invertible, then divided by its sum.

    Parameters
    ----------
    returns : ndarray of shape (T,)
        Smoothed; at least 5 for each lag.
    lags : int
        k, 1 or more.

    Raises
    ------
    InputError
        If there are too few returns, or they do not vary.

    Notes
    -----
    Getmansky, Lo and Makarov (2004), *Journal of Financial Economics* 74, 529-609, equations 21 to 23 and section
    4.1. The likelihood is conditional on innovations of 0 before the first return.
    """
    if lags < 1 or len(returns) < 5 * (lags + 1):
        raise InputError(f"{lags} lags of smoothing need {5 * (lags + 1)} returns, there are {len(returns)}")
    centred = returns - returns.mean()
    if not centred.std() > 1e-14:
        raise InputError("returns that do not vary cannot be unsmoothed")
    from scipy.optimize import least_squares  # half a second that reading a configuration need not wait for
    from scipy.signal import lfilter

    scale = float(centred.std())

    def innovations(partial: Floats) -> Floats:
        return np.asarray(lfilter([1.0], _polynomial(partial), centred / scale))

    # Partial autocorrelations between -1 and 1 give exactly the invertible polynomials (Monahan, 1984).
    fit = least_squares(innovations, np.full(lags, 0.1), bounds=(-0.99, 0.99), xtol=1e-12, ftol=1e-12)
    beta = _polynomial(np.asarray(fit.x, dtype=np.float64))
    return np.asarray(beta / float(beta.sum()))


def _polynomial(partial: Floats) -> Floats:
    """Return 1, b_1 .. b_k of an invertible moving average from its partial autocorrelations."""
    b = np.zeros(0)
    for p in partial:
        b = np.append(b + p * b[::-1], p)
    return np.append(1.0, b)


def _unsmooth_getmansky_lo_makarov(returns: Floats, lags: int = 2, theta: Floats | None = None) -> Floats:
    """Return the true returns r with s_t = theta_0 r_t + ... + theta_k r_{t-k}, shape (T,).

    The deviations of r from the mean are found one after the other, from 0 before the first; the first k are NaN,
    as what came before them is not known. The mean stays the same; the variance grows by 1 / sum(theta^2).

    Parameters
    ----------
    returns : ndarray of shape (T,)
        Smoothed; without holes.
    lags : int
    theta : ndarray of shape (lags + 1,), optional
        Of sum 1; estimated from the returns by default.
    """
    from scipy.signal import lfilter

    theta = _smoothing_weights(returns, lags) if theta is None else theta
    mean = float(returns.mean())
    true = lfilter([1.0], theta, returns - mean) + mean
    true[: len(theta) - 1] = np.nan
    return np.asarray(true)


def _unsmooth_columns(
    returns: Floats, columns: NDArray[np.bool_], method: Literal["geltner", "glm"], lags: int = 2
) -> Floats:
    """Return a window of returns with some columns unsmoothed, each by its own returns inside the window.

    Parameters
    ----------
    returns : ndarray of shape (W, N)
        NaN where an asset is not listed; holes inside a record are left out of the estimate.
    columns : ndarray of bool, shape (N,)
    method : "geltner" or "glm"
    lags : int
        Of "glm".
    """
    if method == "geltner":
        unsmooth, enough = _unsmooth_geltner, 3
    else:
        unsmooth, enough = partial(_unsmooth_getmansky_lo_makarov, lags=lags), 5 * (lags + 1)
    out = returns.copy()
    for column in np.flatnonzero(columns):
        there = np.flatnonzero(np.isfinite(returns[:, column]))
        record = returns[there, column]
        if len(record) >= enough and record.std() > 1e-14:
            out[there, column] = unsmooth(record)
    return out


@dataclass(frozen=True, eq=False)
class UnsmoothedRisk:
    """Covariances in which some assets' returns are unsmoothed, each decision's from the rows up to it.

    Parameters
    ----------
    excess : ndarray of shape (T, N)
        Returns less cash, NaN where an asset is not listed.
    columns : ndarray of bool, shape (N,)
        Assets whose returns are appraisals.
    method : "geltner" or "glm"
    lags : int
        Of "glm".
    window, min_history, horizon : int
        As for `covariance_path`.
    closed, member : ndarray of bool, shape (T, N), optional
        As for `covariance_path`.
    """

    excess: Floats
    columns: NDArray[np.bool_]
    method: Literal["geltner", "glm"]
    lags: int
    window: int
    min_history: int
    horizon: int
    closed: NDArray[np.bool_] | None = None
    member: NDArray[np.bool_] | None = None

    def at(self, position: int) -> tuple[Risk, NDArray[np.bool_]]:
        """Return covariance (N, N) and eligible assets (N,) at a row of the panel."""
        rows = slice(max(0, position - self.window + 1), position + 1)
        past, closed = self.excess[rows], None if self.closed is None else self.closed[rows]
        seen = _unsmooth_columns(past, self.columns, self.method, self.lags)
        last = np.array([len(past) - 1])
        # The first returns have no unsmoothed counterpart.
        lost = 1 if self.method == "geltner" else self.lags
        path = covariance_path(
            seen,
            last,
            window=self.window,
            min_history=max(2, self.min_history - lost),
            horizon=self.horizon,
            closed=closed,
            member=None if self.member is None else self.member[rows],
        )
        return path.at(len(past) - 1)
