"""Total returns of bonds of constant maturity, from their yields."""

from __future__ import annotations

import numpy as np

from foundation.types import Floats


def compute_par_bond_returns(
    yields: Floats, years: float, periods_per_year: int, coupons_per_year: int = 2
) -> Floats:
    """Return what a bond bought at par earns until the next date, when it is sold at that date's yield.

    At each date the bond is new: it costs 1, its coupon is the yield y of that date and it matures after `years`.
    One step h later it has `years` - h left and is worth what its payments are worth at the new yield z:

        (1 + z/c)^(c h) [ y/z (1 - v^n) + v^n ],   v = 1 / (1 + z/c),   n = c `years`

    for c coupons a year. This is the price with the accrued coupon, so the return is the price change plus the
    accrued coupon. It is exact for a flat yield curve, without default, call or cost.

    Parameters
    ----------
    yields : ndarray of shape (T,)
        Fractions a year, compounded `coupons_per_year` times; above 0; NaN where unknown.
    years : float
        Maturity when bought, so that `years * coupons_per_year` is a whole number.
    periods_per_year : int
        Steps in a year, at least as many as coupons.
    coupons_per_year : int

    Returns
    -------
    ndarray of shape (T,)
        Simple returns, fractions; the first is NaN.

    Raises
    ------
    ValueError
        If a yield is not above 0, the number of coupons is not whole, or a step spans more than one coupon.
    """
    coupons = years * coupons_per_year
    if coupons != round(coupons) or coupons < 1:
        raise ValueError(f"{years:g} years hold {coupons:g} coupons, expected a whole number of 1 or more")
    if coupons_per_year > periods_per_year:
        raise ValueError(
            f"{coupons_per_year} coupons a year and {periods_per_year} steps: a coupon would be paid within a step"
        )
    if not (np.isnan(yields) | (yields > 0)).all():
        raise ValueError("yields must be above 0, as fractions a year")
    rate = yields[1:] / coupons_per_year
    left = (1 + rate) ** -coupons
    clean = yields[:-1] / yields[1:] * (1 - left) + left
    out = np.full(len(yields), np.nan)
    out[1:] = (1 + rate) ** (coupons_per_year / periods_per_year) * clean - 1
    return out
