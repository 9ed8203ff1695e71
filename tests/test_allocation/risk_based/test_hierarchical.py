"""Hierarchical risk parity against a plain reimplementation that follows the paper's steps by hand."""

import itertools

import numpy as np
import pytest

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.errors import InfeasibleError, InputError, LimitError
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group
from allocation.risk_based.hierarchical import HierarchicalRiskParity


def names(n):
    return tuple(f"a{i}" for i in range(n))


def solved(sigma, **options):
    n = len(sigma)
    return HierarchicalRiskParity(names(n), **options).solve(0, None, sigma, None, np.ones(n, dtype=bool))


def random_sigma(seed, n):
    rng = np.random.default_rng(seed)
    returns = rng.normal(size=(4 * n, 3)) @ rng.normal(size=(3, n)) + rng.normal(size=(4 * n, n))
    return np.cov((returns * rng.uniform(0.5, 3, n)).T)


def between(near, a, b, method):
    """Distance between two clusters from the distances of their members, by definition."""
    across = np.array([[near[i, j] for j in b] for i in a])
    if method == "ward":
        # Lance and Williams from squared distances: within-cluster sums of squares, as if points existed.
        def scatter(members):
            return sum(near[i, j] ** 2 for i in members for j in members) / (2 * len(members))

        return np.sqrt(2 * (scatter(a + b) - scatter(a) - scatter(b)))
    return {"single": across.min(), "average": across.mean(), "complete": across.max()}[method]


def by_hand(sigma, method, profile):
    """Join the two nearest clusters until one is left; then halve its order recursively."""
    n = len(sigma)
    s = np.sqrt(np.diag(sigma))
    apart = np.array(
        [
            [np.sqrt(max(0.5 * (1 - sigma[i, j] / s[i] / s[j]), 0.0)) * (i != j) for j in range(n)]
            for i in range(n)
        ]
    )
    near = apart
    if profile:
        near = np.array([[np.sqrt(((apart[i] - apart[j]) ** 2).sum()) for j in range(n)] for i in range(n)])
    clusters = [(k, [k]) for k in range(n)]
    for made in range(n, 2 * n - 1):
        pairs = [
            (between(near, p[1], q[1], method), p, q)
            for i, p in enumerate(clusters)
            for q in clusters[i + 1 :]
        ]
        _, p, q = min(pairs, key=lambda pair: pair[0])
        clusters = [c for c in clusters if c not in (p, q)]
        # The cluster that was made earlier stands on the left.
        left, right = sorted((p, q), key=lambda c: c[0])
        clusters.append((made, left[1] + right[1]))
    w = np.ones(n)

    def variance(members):
        inverse = np.array([1 / sigma[i, i] for i in members])
        inverse /= inverse.sum()
        return sum(
            inverse[a] * inverse[b] * sigma[i, j]
            for a, i in enumerate(members)
            for b, j in enumerate(members)
        )

    def halve(members):
        if len(members) > 1:
            left, right = members[: len(members) // 2], members[len(members) // 2 :]
            a, b = variance(left), variance(right)
            w[left] *= 1 - a / (a + b)
            w[right] *= a / (a + b)
            halve(left)
            halve(right)

    halve(clusters[0][1])
    return w


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("method", ["single", "average", "complete", "ward"])
@pytest.mark.parametrize("profile", [False, True])
def test_the_steps_of_the_paper(seed, method, profile):
    sigma = random_sigma(seed, 11)
    answer = solved(sigma, linkage=method, distance="profile" if profile else "correlation")
    np.testing.assert_allclose(answer.weights, by_hand(sigma, method, profile), rtol=1e-12)
    assert answer.certificate.holds


@pytest.mark.parametrize("seed", range(5))
def test_the_optimal_order_is_the_best_of_all_flips_of_the_tree(seed):
    n = 7
    sigma = random_sigma(seed, n)
    s = np.sqrt(np.diag(sigma))
    near = np.sqrt(np.clip(0.5 * (1 - sigma / np.outer(s, s)), 0, None))

    def orders(clusters):
        """All orders of the tree of single linkage: at each join, either side first, and either way round inside."""
        if len(clusters) == 1:
            return clusters[0]
        pairs = [
            (near[np.ix_(p[0], q[0])].min(), a, b)
            for a, p in enumerate(clusters)
            for b, q in enumerate(clusters[:a])
        ]
        _, a, b = min(pairs)
        joined = [x + y for p in clusters[a] for q in clusters[b] for x, y in ((p, q), (q, p))]
        return orders([c for k, c in enumerate(clusters) if k not in (a, b)] + [joined])

    def length(order):
        return sum(near[i, j] for i, j in itertools.pairwise(order))

    least = min(length(order) for order in orders([[[k]] for k in range(n)]))
    allocator = HierarchicalRiskParity(names(n), optimal_order=True)
    assert length(list(allocator._order(sigma))) == pytest.approx(least, rel=1e-12)


def test_few_assets():
    np.testing.assert_array_equal(solved(np.array([[0.04]])).weights, [1.0])
    np.testing.assert_allclose(solved(np.array([[0.04, 0.01], [0.01, 0.01]])).weights, [0.2, 0.8], rtol=1e-12)


def test_uncorrelated_assets_have_weights_of_inverse_variance():
    variances = np.array([0.01, 0.04, 0.09, 0.16])
    expected = 1 / variances / (1 / variances).sum()
    np.testing.assert_allclose(solved(np.diag(variances)).weights, expected, rtol=1e-12)


def test_a_singular_covariance_universe_and_factors():
    rng = np.random.default_rng(0)
    sigma = FactorCovariance(rng.normal(size=(6, 2)), np.zeros(6))
    universe = np.array([1, 1, 0, 1, 1, 1], dtype=bool)
    answer = HierarchicalRiskParity(names(6)).solve(0, None, sigma, None, universe)
    inner = solved(to_dense(sigma)[np.ix_(universe, universe)])
    np.testing.assert_allclose(answer.weights[universe], inner.weights, rtol=1e-9)
    assert answer.weights[2] == 0
    assert answer.weights.sum() == pytest.approx(1, abs=1e-14)


def test_mistakes_are_named():
    with pytest.raises(InputError, match="linkage 'median' is none of single"):
        HierarchicalRiskParity(names(2), linkage="median")
    with pytest.raises(InputError, match="distance"):
        HierarchicalRiskParity(names(2), distance="x")
    with pytest.raises(InputError, match="the variance of 'a1' is 0"):
        solved(np.diag([1.0, 0.0]))


def bounded_by_hand(sigma, order, low, high, total):
    """Recursive bisection in which a half gets what its bounds allow: the definition, by recursion."""
    if len(order) == 1:
        return {order[0]: total}
    left, right = order[: len(order) // 2], order[len(order) // 2 :]

    def variance(members):
        inverse = 1 / np.diag(sigma)[members]
        inner = inverse / inverse.sum()
        return inner @ sigma[np.ix_(members, members)] @ inner

    share = variance(right) / (variance(left) + variance(right))
    least = max(low[left].sum(), total - high[right].sum())
    most = min(high[left].sum(), total - low[right].sum())
    part = min(max(total * share, least), most)
    return bounded_by_hand(sigma, left, low, high, part) | bounded_by_hand(
        sigma, right, low, high, total - part
    )


@pytest.mark.parametrize("seed", range(20))
def test_bounds_are_kept_by_each_split(seed):
    n, rng = 9, np.random.default_rng(seed)
    sigma = random_sigma(seed, n)
    low, high = rng.uniform(0, 0.08, n), rng.uniform(0.1, 0.3, n)
    overrides = {name: (a, b) for name, a, b in zip(names(n), low, high, strict=True)}
    cash = float(rng.choice([0.0, 0.1]))
    limits = Constraints(overrides=overrides, cash_minimum=cash, cash_maximum=0.2)
    found = solved(sigma, constraints=limits)
    invested = min(1 - cash, high.sum())
    order = [int(i) for i in HierarchicalRiskParity(names(n))._order(sigma)]
    expected = bounded_by_hand(sigma, np.array(order), low, high, invested)
    np.testing.assert_allclose(found.weights, [expected[i] for i in range(n)], atol=1e-12)
    assert found.certificate.holds
    assert (found.weights >= low - 1e-12).all()
    assert (found.weights <= high + 1e-12).all()
    assert found.cash == pytest.approx(1 - invested, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_bounds_that_do_not_bind_change_no_bit(seed):
    sigma = random_sigma(seed, 8)
    plain = solved(sigma).weights
    limits = Constraints(minimum=-0.2, maximum=float(plain.max()) + 0.01)
    np.testing.assert_array_equal(solved(sigma, constraints=limits).weights, plain)


def test_maximum_weights_leave_cash_where_it_is_allowed():
    found = solved(random_sigma(1, 4), constraints=Constraints(maximum=0.2, cash_maximum=0.5))
    np.testing.assert_allclose(found.weights, 0.2, atol=1e-12)
    with pytest.raises(InfeasibleError, match="row 0: these limits cannot be met together"):
        solved(random_sigma(1, 4), constraints=Constraints(maximum=0.2))
    with pytest.raises(LimitError, match="HierarchicalRiskParity does not take the limits groups"):
        solved(random_sigma(1, 4), constraints=Constraints(groups={"g": Group(("a0",), 0, 0.1)}))
