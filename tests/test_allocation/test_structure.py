"""A covariance by factors is the matrix that it stands for."""

import numpy as np
import pytest

from allocation.covariance_types import FactorCovariance, scale_covariance, select_covariance, to_dense
from allocation.errors import InputError


@pytest.fixture
def sigma():
    rng = np.random.default_rng(0)
    return FactorCovariance(rng.normal(size=(7, 2)), rng.uniform(0.1, 1, 7))


def test_operations_are_those_of_the_matrix(sigma):
    full = np.array(
        [[sum(a * b for a, b in zip(x, y, strict=True)) for y in sigma.loadings] for x in sigma.loadings]
    )
    full += np.diag(sigma.specific)
    w = np.arange(7.0)
    np.testing.assert_allclose(to_dense(sigma), full, rtol=1e-14)
    np.testing.assert_allclose(sigma @ w, full @ w, rtol=1e-13)
    np.testing.assert_allclose(sigma.diagonal(), full.diagonal(), rtol=1e-14)
    np.testing.assert_allclose(to_dense(scale_covariance(sigma, 3.0)), 3 * full, rtol=1e-14)
    assert len(sigma) == 7


@pytest.mark.parametrize("inside", [np.array([1, 4, 6]), np.arange(7) % 3 == 1])
def test_some_of_the_assets(sigma, inside):
    full = to_dense(sigma)
    np.testing.assert_array_equal(to_dense(select_covariance(sigma, inside)), select_covariance(full, inside))
    assert isinstance(select_covariance(sigma, inside), FactorCovariance)


def test_shapes_must_fit():
    with pytest.raises(InputError, match=r"\(3, 2\) and specific variances of shape \(4,\)"):
        FactorCovariance(np.ones((3, 2)), np.ones(4))
