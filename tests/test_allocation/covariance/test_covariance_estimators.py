"""What every covariance estimator obeys: symmetric, positive semidefinite, the same in any order, in any unit."""

import numpy as np
import pytest

from allocation.covariance.factors import Denoised, StatisticalFactors
from allocation.covariance.nonlinear import NonlinearShrinkage
from allocation.covariance.path_estimation import covariance_path
from allocation.covariance.regime_mixture import RegimeMixture
from allocation.covariance.sample import Ewma, SampleCovariance
from allocation.covariance.shrinkage import ConstantCorrelation, LedoitWolf, Oas
from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InputError


def probabilities(n, states=3, seed=5):
    result = np.random.default_rng(seed).dirichlet(np.full(states, 0.4), size=n)
    result[: n // 5] = np.nan  # before the first fit
    return result


def estimators(n):
    return {
        "sample": SampleCovariance(),
        "ewma": Ewma(20.0),
        "ledoit_wolf": LedoitWolf(),
        "constant_correlation": ConstantCorrelation(),
        "nonlinear": NonlinearShrinkage(),
        "oas": Oas(),
        "factor": StatisticalFactors(),
        "factor 3": StatisticalFactors(3),
        "denoised": Denoised(),
        "regime": RegimeMixture(probabilities(n)),
        "regime, no prior": RegimeMixture(probabilities(n), prior_rows=0.0),
    }


every = pytest.mark.parametrize("name", list(estimators(10)))


def returns(n, assets, seed=0):
    rng = np.random.default_rng(seed)
    market = rng.standard_t(4, size=(n, 1)) * 0.01
    return 0.0005 + market * rng.uniform(0.5, 1.5, assets) + rng.standard_t(4, size=(n, assets)) * 0.01


def nasty():
    """Yield inputs that break estimators, by name."""
    rng = np.random.default_rng(3)
    yield "plain", returns(120, 10)
    yield "one asset", returns(60, 1)
    yield "two assets", returns(60, 2)
    yield "more assets than rows", returns(30, 80)
    yield "as many assets as rows", returns(40, 40)
    yield "one more row than assets", returns(41, 40)
    constant = returns(100, 8)
    constant[:, 2] = 0.001
    yield "constant asset", constant
    constant = constant.copy()
    constant[:, 5] = 0.0
    yield "two constant assets", constant
    yield "nothing moves", np.full((50, 4), 0.01)
    doubled = returns(100, 6)
    yield "duplicated assets", np.hstack([doubled, doubled, 2 * doubled[:, :2]])
    yield "duplicates and few rows", np.hstack([returns(20, 12)] * 3)
    yield "duplicates of few assets, more columns than rows", np.hstack([returns(25, 5)] * 8)
    late = returns(150, 9)
    late[:100, 4] = np.nan
    late[:60, [1, 7]] = np.nan
    yield "late listings", late
    holes = returns(90, 12)
    holes[rng.random(holes.shape) < 0.3] = np.nan
    yield "holes", holes
    few = returns(30, 50)
    few[rng.random(few.shape) < 0.3] = np.nan
    yield "holes, more assets than rows", few
    constant = returns(100, 8)
    constant[:, 3] = 0.0
    constant[:50, 0] = np.nan
    yield "constant and late", constant
    disjoint = returns(60, 3)
    disjoint[:30, 0] = np.nan
    disjoint[30:, 1] = np.nan
    yield "no common row", disjoint
    yield "units apart", returns(100, 6) * np.array([1e-8, 1e-4, 1.0, 1.0, 1e3, 1e5])
    yield "a crash", np.vstack([returns(99, 6), np.full((1, 6), -0.9)])


@every
@pytest.mark.parametrize("case", [case for case, _ in nasty()])
def test_symmetric_and_positive_semidefinite(name, case):
    x = dict(nasty())[case]
    risk = estimators(len(x))[name].estimate(x)
    sigma = to_dense(risk)
    assert sigma.shape == (x.shape[1],) * 2
    assert np.isfinite(sigma).all()
    np.testing.assert_array_equal(sigma, sigma.T)
    values = np.linalg.eigvalsh(sigma)
    assert values[0] >= -1e-14 * max(values[-1], 1e-300)
    if isinstance(risk, FactorCovariance):
        assert (risk.specific >= 0).all()


@every
def test_the_order_of_assets_does_not_matter(name):
    x = returns(80, 12)
    order = np.random.default_rng(0).permutation(12)
    estimator = estimators(80)[name]
    one, other = to_dense(estimator.estimate(x)), to_dense(estimator.estimate(x[:, order]))
    np.testing.assert_allclose(other, one[np.ix_(order, order)], rtol=1e-9, atol=1e-12 * np.abs(one).max())


@every
def test_the_unit_does_not_matter(name):
    x = returns(80, 12)
    estimator = estimators(80)[name]
    one = to_dense(estimator.estimate(x))
    np.testing.assert_allclose(
        to_dense(estimator.estimate(1e-3 * x)), 1e-6 * one, rtol=1e-9, atol=1e-18 * np.abs(one).max()
    )
    # A level that all rows have in common is no risk.
    np.testing.assert_allclose(
        to_dense(estimator.estimate(x + 0.3)), one, rtol=1e-9, atol=1e-12 * np.abs(one).max()
    )


@every
def test_the_more_rows_the_nearer_the_truth(name):
    rng = np.random.default_rng(1)
    loadings = rng.uniform(0.5, 1.5, size=(6, 1))
    truth = loadings @ loadings.T + np.eye(6)
    many = rng.multivariate_normal(np.zeros(6), truth, size=60_000)
    estimator = Ewma(10_000.0) if name == "ewma" else estimators(len(many))[name]
    # Principal components know loadings exactly only as the assets grow many, too.
    tolerance = 0.4 if "factor" in name else 0.1
    np.testing.assert_allclose(to_dense(estimator.estimate(many)), truth, atol=tolerance)


@every
@pytest.mark.parametrize("wrong", [np.zeros((1, 3)), np.zeros((20, 0)), np.zeros(5)])
def test_too_few_returns_are_refused(name, wrong):
    with pytest.raises(InputError):
        estimators(len(wrong))[name].estimate(wrong)


@every
def test_an_asset_without_any_return_is_refused(name):
    x = returns(50, 4)
    x[:, 2] = np.nan
    with pytest.raises(InputError, match=r"no return that counts in columns \[2\]"):
        estimators(50)[name].estimate(x)


def panel(seed=0):
    """Return 300 rows of 12 assets that list, die and lack returns."""
    x = returns(300, 12, seed)
    x[:130, 3] = np.nan
    x[:170, 8] = np.nan
    x[220:, 5] = np.nan
    x[200, 1] = np.nan
    return x


def bits(path):
    """Return all that a path holds of each decision, as bytes."""
    return [
        (
            sigma.loadings.tobytes() + sigma.specific.tobytes()
            if isinstance(sigma, FactorCovariance)
            else sigma.tobytes()
        )
        + eligible.tobytes()
        for sigma, eligible in zip(path.sigma, path.eligible, strict=True)
    ]


@every
def test_what_comes_after_a_decision_changes_no_bit_of_it(name):
    """Noise, nothing, and other decisions after t: all that was told up to t stays."""
    x = panel()
    positions = np.arange(20, 300, 7)
    options = {"window": 61, "min_history": 20, "horizon": 3}

    def path(x, positions):
        result = estimators(300)[name]
        if isinstance(result, RegimeMixture):
            result = RegimeMixture(result.probabilities[: len(x)], prior_rows=result.prior_rows)
        return bits(covariance_path(x, positions, estimator=result, **options))

    whole = path(x, positions)
    for cut in (97, 130, 174, 244):
        past = positions[positions <= cut]
        changed = x.copy()
        changed[cut + 1 :] = np.random.default_rng(cut).normal(size=changed[cut + 1 :].shape)
        assert path(changed, positions)[: len(past)] == whole[: len(past)]
        assert path(x[: cut + 1], past) == whole[: len(past)]
        # The last date of a panel that was cut off is a decision too.
        with_last = np.union1d(past, [cut])
        assert path(x[: cut + 1], with_last)[: len(past)] == whole[: len(past)]
        # One alone, as if nobody had decided before.
        assert path(x[: cut + 1], past[-1:]) == whole[len(past) - 1 : len(past)]
