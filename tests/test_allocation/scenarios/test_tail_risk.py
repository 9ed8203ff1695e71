"""CVaR: by definition, against many portfolios, against a closed form, and blind to what comes later."""

import numpy as np
import pytest

from allocation.errors import InfeasibleError, InputError, LimitError
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group
from allocation.scenarios.tail_risk import MeanCVaR, _conditional_value_at_risk


def names(n):
    return tuple(f"a{i}" for i in range(n))


def returns(seed, rows, n):
    rng = np.random.default_rng(seed)
    return 0.01 * rng.standard_t(4, size=(rows, 1)) + 0.01 * rng.standard_t(4, size=(rows, n))


def test_the_definition():
    losses = np.array([5.0, 1.0, 4.0, 2.0, 3.0])
    assert _conditional_value_at_risk(losses, 0.6) == pytest.approx(4.5)
    assert _conditional_value_at_risk(losses, 0.5) == pytest.approx((5 + 4 + 0.5 * 3) / 2.5)
    assert _conditional_value_at_risk(losses, 0.9) == pytest.approx(5)
    # The infimum over thresholds of Rockafellar and Uryasev.
    x = np.random.default_rng(0).normal(size=101)
    by_infimum = min(a + np.maximum(x - a, 0).mean() / 0.07 for a in x)
    assert _conditional_value_at_risk(x, 0.93) == pytest.approx(by_infimum, rel=1e-12)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("gamma", [None, 0.3])
def test_no_other_portfolio_is_better(seed, gamma):
    data = returns(seed, 90, 4)
    mu = np.random.default_rng(seed).normal(size=4) * 0.01
    constraints = Constraints(maximum=0.6, groups={"g": Group(names(2), 0.2, 0.7)})
    allocator = MeanCVaR(names(4), data, constraints, window=60, level=0.9, risk_aversion=gamma)
    answer = allocator.solve(79, mu, None, None, np.ones(4, dtype=bool))
    many = np.random.default_rng(seed).dirichlet(np.ones(4), 4000)
    first = many[:, :2].sum(axis=1)
    many = many[(many.max(axis=1) <= 0.6) & (first >= 0.2) & (first <= 0.7)]
    assert len(many) > 500

    def value(w):
        risk = _conditional_value_at_risk(-data[20:80] @ w, 0.9)
        return -risk if gamma is None else mu @ w - gamma * risk

    assert max(value(w) for w in many) <= value(answer.weights) + 1e-12
    assert answer.certificate.holds
    assert answer.certificate.gap <= 1e-9


def test_one_scenario_in_the_tail_is_the_worst_case():
    # With a tail of one scenario CVaR is the largest loss: two assets that lose at different dates are balanced.
    data = np.array([[-0.1, 0.0], [0.0, -0.2], [0.05, 0.05], [0.05, 0.05]])
    answer = MeanCVaR(names(2), data, window=4, level=0.75).solve(3, None, None, None, np.ones(2, dtype=bool))
    np.testing.assert_allclose(answer.weights, [2 / 3, 1 / 3], atol=1e-9)


def test_scale_does_not_matter():
    data = returns(3, 60, 5)
    everything = np.ones(5, dtype=bool)
    large = MeanCVaR(names(5), data, window=60).solve(59, None, None, None, everything)
    small = MeanCVaR(names(5), data * 1e-6, window=60).solve(59, None, None, None, everything)
    np.testing.assert_allclose(small.weights, large.weights, atol=1e-7)


def test_later_rows_and_assets_outside_are_not_read():
    data = returns(1, 80, 4)
    data[:, 3] = np.nan
    universe = np.array([True, True, True, False])
    before = MeanCVaR(names(4), data, window=30).solve(49, None, None, None, universe)
    changed = data.copy()
    changed[50:] = 7
    changed[:20] = 7
    after = MeanCVaR(names(4), changed, window=30).solve(49, None, None, None, universe)
    np.testing.assert_array_equal(before.weights, after.weights)


def test_mistakes_are_named():
    data = returns(1, 40, 3)
    everything = np.ones(3, dtype=bool)
    with pytest.raises(InputError, match="row 5: a window of 30 rows needs rows 29 to 39"):
        MeanCVaR(names(3), data, window=30).solve(5, None, None, None, everything)
    data[35, 1] = np.nan
    with pytest.raises(InputError, match="'a1' does not have a return"):
        MeanCVaR(names(3), data, window=30).solve(39, None, None, None, everything)
    with pytest.raises(InfeasibleError, match="row 30"):
        MeanCVaR(names(3), data, Constraints(maximum=0.3), window=20).solve(30, None, None, None, everything)
    with pytest.raises(InputError, match="level"):
        MeanCVaR(names(3), data, window=20, level=1.0)
    with pytest.raises(LimitError, match="turnover"):
        MeanCVaR(names(3), data, Constraints(turnover=1), window=20)
    with pytest.raises(InputError, match="needs expected returns"):
        MeanCVaR(names(3), data, window=20, risk_aversion=1.0).solve(30, None, None, None, everything)


def test_rows_with_holes_are_left_out_where_that_is_asked_for():
    rng = np.random.default_rng(5)
    R = rng.normal(0, 0.02, (80, 3))
    holes = R.copy()
    holes[20:50, 1] = np.nan
    everything = np.ones(3, dtype=bool)
    names = ("a", "b", "c")
    loose = MeanCVaR(names, holes, window=60, at_least=20, level=0.8)
    whole = MeanCVaR(names, np.delete(R, np.s_[20:50], axis=0)[20:], window=30, level=0.8)
    found = loose.solve(79, None, None, None, everything)
    expected = whole.solve(29, None, None, None, everything)
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-9)
    with pytest.raises(InputError, match="in 30 of the last 60 rows, 31 are needed"):
        MeanCVaR(names, holes, window=60, at_least=31, level=0.8).solve(79, None, None, None, everything)
