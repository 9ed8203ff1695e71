"""Non-linear shrinkage: the paper's formulas in plain loops, and what they are for."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from test_covariance_estimators import returns
from test_shrinkage import frobenius_losses

from allocation.covariance.nonlinear import NonlinearShrinkage
from allocation.covariance.sample import SampleCovariance
from allocation.covariance.shrinkage import LedoitWolf
from allocation.errors import InputError

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")


def spectrum(x):
    centred = x - x.mean(axis=0)
    return np.linalg.eigh(centred.T @ centred / (len(x) - 1))


def analytical(x):
    """Write out the estimator, with 60 digits: the closed form of the kernel's transform cancels most of them."""
    values, u = spectrum(x)
    with localcontext(prec=60):
        d = [float(v) for v in shrunk([Decimal(float(v)) for v in values], len(x) - 1)]
    return u @ np.diag(d) @ u.T


def shrunk(values, n):
    """Write out section 4 of Ledoit and Wolf (2020), and its appendix on p > n, one number at a time."""
    p, root5 = len(values), Decimal(5).sqrt()
    lam = values[max(0, p - n) :]
    h = Decimal(n) ** (Decimal(-1) / 3)

    def density(at):
        total = Decimal(0)
        for value in lam:
            z = (at - value) / (h * value)
            total += 3 / (4 * root5) / (h * value) * max(1 - z**2 / 5, Decimal(0))
        return total / len(lam)

    def hilbert(at):
        total = Decimal(0)
        for value in lam:
            z = (at - value) / (h * value)
            kernel = -3 * z / (10 * PI)
            kernel += 3 / (4 * root5 * PI) * (1 - z**2 / 5) * abs((root5 - z) / (root5 + z)).ln()
            total += kernel / (h * value)
        return total / len(lam)

    c = Decimal(p) / n
    if p <= n:
        return [v / ((PI * c * v * density(v)) ** 2 + (1 - c - PI * c * v * hilbert(v)) ** 2) for v in lam]
    inverse = sum(1 / v for v in lam) / len(lam)
    logarithm = ((1 + root5 * h) / (1 - root5 * h)).ln()
    at_zero = (3 / (10 * h**2) + 3 / (4 * root5 * h) * (1 - 1 / (5 * h**2)) * logarithm) * inverse / PI
    null = 1 / (PI * (p - n) / n * at_zero)
    return [null] * (p - n) + [v / (PI**2 * v**2 * (density(v) ** 2 + hilbert(v) ** 2)) for v in lam]


@pytest.mark.parametrize(
    ("n", "assets"), [(100, 10), (41, 40), (60, 30), (30, 80), (40, 40), (13, 5), (13, 60)]
)
def test_equals_the_formulas_in_loops(n, assets):
    x = returns(n, assets)
    expected = analytical(x)
    np.testing.assert_allclose(
        NonlinearShrinkage().estimate(x), expected, rtol=1e-8, atol=1e-10 * np.abs(expected).max()
    )


class Best:
    """The sample's eigenvectors with the eigenvalues that lose least: those of the truth in their directions."""

    def __init__(self, truth):
        self.truth = truth

    def estimate(self, x):
        _, u = spectrum(x)
        return (u * np.einsum("ji,jk,ki->i", u, self.truth, u)) @ u.T


@pytest.mark.parametrize(("n", "p"), [(600, 200), (120, 240)])
def test_it_loses_less_than_linear_shrinkage_and_the_sample(n, p):
    """The paper's own case and measure: PRIAL, the share of what could at best be saved."""
    values = np.repeat([1.0, 3.0, 10.0], [p // 5, 2 * p // 5, p - p // 5 - 2 * p // 5])
    rotation, _ = np.linalg.qr(np.random.default_rng(7).normal(size=(p, p)))
    truth = (rotation * values) @ rotation.T
    contenders = {
        "nonlinear": NonlinearShrinkage(),
        "linear": LedoitWolf(),
        "sample": SampleCovariance(),
        "best": Best(truth),
    }
    losses = frobenius_losses(truth, n, contenders, repeats=10)
    saved = {name: (losses["sample"] - losses[name]) / (losses["sample"] - losses["best"]) for name in losses}
    assert saved["nonlinear"] > 0.95
    assert saved["nonlinear"] > saved["linear"] > 0


@pytest.mark.parametrize(("n", "p"), [(1000, 100), (400, 200), (200, 400)])
def test_the_identity_is_shrunk_to(n, p):
    x = np.random.default_rng(0).normal(size=(n, p))
    result = np.linalg.eigvalsh(NonlinearShrinkage().estimate(x))
    sample = np.linalg.eigvalsh(SampleCovariance().estimate(x))
    assert np.square(result - 1).mean() < 0.05 * np.square(sample - 1).mean()


def test_many_rows_leave_the_sample_as_it_is():
    x = returns(50_000, 4)
    np.testing.assert_allclose(
        NonlinearShrinkage().estimate(x), SampleCovariance().estimate(x), rtol=0.02, atol=1e-7
    )


def test_what_never_moved_keeps_no_variance_and_changes_nothing_else():
    x = returns(80, 10)
    alone = NonlinearShrinkage().estimate(x)
    sigma = NonlinearShrinkage().estimate(np.hstack([x, np.zeros((80, 2))]))
    np.testing.assert_allclose(sigma[:10, :10], alone, rtol=1e-9, atol=1e-14)
    np.testing.assert_array_equal(sigma[10:], 0.0)
    doubled = NonlinearShrinkage().estimate(np.hstack([x, x[:, :1]]))
    apart = np.zeros(11)
    apart[[0, 10]] = 1.0, -1.0
    assert apart @ doubled @ apart == pytest.approx(0.0, abs=1e-16)


def test_fewer_than_thirteen_rows_are_refused():
    with pytest.raises(InputError, match="needs 13 rows, got 12"):
        NonlinearShrinkage().estimate(returns(12, 3))
    holes = returns(14, 3)
    holes[:4, 0] = np.nan
    with pytest.raises(InputError, match="needs 13 rows, got"):
        NonlinearShrinkage().estimate(holes)
