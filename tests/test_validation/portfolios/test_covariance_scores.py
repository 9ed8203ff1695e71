"""Scores of covariances against determinants, inverses and planted truths."""

import numpy as np
import pytest
from scipy import stats

from validation.portfolios.covariance_scores import score_covariance


def some(n=5, rows=3, seed=0):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n)) * 0.02
    sigma = root @ root.T + 1e-4 * np.eye(n)
    return sigma, rng.multivariate_normal(np.zeros(n), sigma / rows, size=rows)


def test_scores_are_those_of_the_definitions():
    sigma, returns = some()
    inverse = np.linalg.inv(sigma)
    score = score_covariance(sigma, returns)
    distance = sum(r @ inverse @ r for r in returns)
    assert score.qlike == pytest.approx((np.log(np.linalg.det(sigma)) + distance) / 5)
    w = inverse.sum(axis=1) / inverse.sum()
    assert score.variance == pytest.approx(sum((w @ r) ** 2 for r in returns))
    likelihood = stats.multivariate_normal(np.zeros(5), sigma).logpdf(returns[0])
    one = score_covariance(sigma, returns[:1])
    assert one.qlike * 5 == pytest.approx(-2 * likelihood - 5 * np.log(2 * np.pi))


def test_the_true_covariance_scores_best():
    sigma, _ = some()
    rng = np.random.default_rng(4)
    draws = rng.multivariate_normal(np.zeros(5), sigma, size=4000)
    for other in (1.5 * sigma, np.diag(np.diag(sigma)), 0.5 * sigma):
        true, wrong = (np.array([score_covariance(s, r[None]).qlike for r in draws]) for s in (sigma, other))
        assert (wrong - true).mean() > 3 * (wrong - true).std() / 4000**0.5
    own, diagonal = (
        np.mean([score_covariance(s, r[None]).variance for r in draws])
        for s in (sigma, np.diag(np.diag(sigma)))
    )
    assert own < diagonal


def test_the_unit_of_an_asset_moves_qlike_alike_for_all():
    sigma, returns = some()
    unit = np.array([1.0, 100.0, 1.0, 1e-6, 1.0])
    there = score_covariance(sigma * np.outer(unit, unit), returns * unit)
    assert there.qlike == pytest.approx(score_covariance(sigma, returns).qlike + 2 * np.log(unit).sum() / 5)


def test_a_singular_covariance_has_no_score():
    sigma, returns = some()
    short = np.random.default_rng(0).normal(size=(3, 5))
    for singular in (short.T @ short, sigma * np.outer([1, 1, 0, 1, 1], [1, 1, 0, 1, 1])):
        score = score_covariance(singular, returns)
        assert np.isnan([score.qlike, score.variance]).all()
    assert np.isnan(score_covariance(np.zeros((0, 0)), np.zeros((3, 0))).qlike)
