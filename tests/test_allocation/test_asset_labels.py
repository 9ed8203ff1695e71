"""Whatever carries the names of assets is matched by name, or refused; nothing is taken by position."""

import numpy as np
import pandas as pd
import pytest

from allocation.cardinality.allocator import Cardinality
from allocation.covariance.path import CovariancePath
from allocation.covariance.path_estimation import covariance_path
from allocation.errors import AllocationError, DataError, InputError, LimitError
from allocation.esg.allocator import EsgAllocator
from allocation.estimators.allocate import allocate
from allocation.estimators.portfolios import FromAllocator, MeanVariancePortfolio
from allocation.frontier.frontier_path import efficient_frontier
from allocation.frontier.maximum_sharpe import MaximumSharpe
from allocation.mean_variance.allocator import MeanVariance
from allocation.mean_variance.relaxed_allocator import RelaxedAllocator
from allocation.policies.policy import AllocatorPolicy
from allocation.policies.strategic import Strategic
from allocation.problem.constraints import Constraints
from allocation.problem.polytope import make_polytope
from allocation.problem.sum_limits import Group, Linear
from allocation.risk_based.hierarchical import HierarchicalRiskParity
from allocation.risk_based.maximum_diversification import MaximumDiversification
from allocation.risk_based.risk_budgeting import RiskBudgeting
from allocation.scenarios.growth import Kelly
from allocation.scenarios.tail_risk import MeanCVaR
from allocation.trading.garleanu_pedersen import AimPortfolio
from allocation.trading.rebalancing import Rebalancing
from allocation.trading.trading_speed import Preferences
from allocation.views.black_litterman import BlackLitterman
from allocation.views.posterior import implied_returns
from allocation.views.view import View
from backtest.costs import TradingCost
from backtest.errors import SimulationError

ASSETS = ("a0", "a1", "a2", "a3")
ORDER = [2, 0, 3, 1]
SHUFFLED = [ASSETS[i] for i in ORDER]
RNG = np.random.default_rng(3)
RETURNS = RNG.normal(0.004, 0.03, (60, 4)) * np.array([1.0, 0.6, 1.5, 0.8])
MU, SIGMA = RETURNS.mean(axis=0), np.cov(RETURNS.T)
HELD, ERROR = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.01, 0.02, 0.015, 0.03])
UNIVERSE = np.array([True, True, False, True])
TABLE = pd.DataFrame(RETURNS, columns=list(ASSETS))[SHUFFLED]


def series(values):
    return pd.Series(values, list(ASSETS))[SHUFFLED]


def plain(limits=None, **costs):
    return MeanVariance(ASSETS, limits or Constraints(), risk_aversion=5.0, **costs)


ALLOCATORS = {
    "mean_variance": lambda: plain(cost=0.01),
    "cardinality": lambda: Cardinality(plain(cost=0.01), 2),
    "relaxing": lambda: RelaxedAllocator(plain, Constraints()),
    "esg": lambda: EsgAllocator(plain(), lambda row: series(np.arange(4.0)), floor=1.0),
    "black_litterman": lambda: BlackLitterman(plain(), risk_aversion=5.0),
    "aim": lambda: AimPortfolio(plain(), Preferences(5.0), cost=1.0),
    "maximum_sharpe": lambda: MaximumSharpe(ASSETS),
    "maximum_diversification": lambda: MaximumDiversification(ASSETS),
    "risk_budgeting": lambda: RiskBudgeting(ASSETS),
    "hierarchical": lambda: HierarchicalRiskParity(ASSETS),
    "cvar": lambda: MeanCVaR(ASSETS, TABLE, window=40, risk_aversion=1.0),
    "kelly": lambda: Kelly(ASSETS, TABLE, window=40, fraction=0.5),
}


@pytest.mark.parametrize("make", ALLOCATORS.values(), ids=ALLOCATORS)
def test_solve_takes_labels_in_any_order(make):
    sigma = pd.DataFrame(SIGMA, list(ASSETS), list(ASSETS))
    by_name = make().solve(
        50, series(MU), sigma.loc[SHUFFLED, SHUFFLED[::-1]], series(HELD), series(UNIVERSE)
    )
    plainly = make().solve(50, MU, SIGMA, HELD, UNIVERSE)
    np.testing.assert_array_equal(by_name.weights, plainly.weights)
    assert plainly.weights[2] == 0


@pytest.mark.parametrize("make", ALLOCATORS.values(), ids=ALLOCATORS)
@pytest.mark.parametrize("what", ["mu", "sigma", "sigma rows", "held", "universe"])
def test_solve_refuses_labels_of_other_assets(make, what):
    label = "the rows of sigma" if what == "sigma rows" else what
    given = {"mu": MU, "sigma": SIGMA, "held": HELD, "universe": UNIVERSE}
    others = ["a0", "a1", "a2", "b"]
    if what.startswith("sigma"):
        sides = (others, list(ASSETS)) if what == "sigma rows" else (list(ASSETS), others)
        given["sigma"] = pd.DataFrame(SIGMA, *sides)
    else:
        given[what] = pd.Series(given[what], others)
    with pytest.raises(DataError, match=rf"{label}.* lacks 'a3' and names 'b', which are none of them"):
        make().solve(50, **given)


def test_standard_errors_and_costs_by_asset_are_matched():
    for options in ({"uncertainty": 0.5}, {"cost": ERROR}, {"impact": ERROR}):
        labelled = {k: series(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        error = {"error": ERROR} if "uncertainty" in options else {}
        by_name = plain(**labelled).solve(
            0, MU, SIGMA, HELD, UNIVERSE, **{k: series(v) for k, v in error.items()}
        )
        plainly = plain(**options).solve(0, MU, SIGMA, HELD, UNIVERSE, **error)
        np.testing.assert_array_equal(by_name.weights, plainly.weights)


def test_constructors_match_by_name():
    market = np.array([0.3, 0.1, 0.4, 0.2])
    everything = np.ones(4, dtype=bool)

    def posterior(market):
        return BlackLitterman(plain(), risk_aversion=5.0, market=market).solve(0, MU, SIGMA, HELD, everything)

    plainly = posterior(market).weights
    for labelled in (series(market), series(market).to_dict(), lambda row: series(market)):
        np.testing.assert_array_equal(posterior(labelled).weights, plainly)
    budgets = RiskBudgeting(ASSETS, budgets=series(market))
    np.testing.assert_array_equal(budgets.budgets, market / market.sum())
    aim = AimPortfolio(plain(), Preferences(5.0), cost=series(ERROR), impact=series(ERROR))
    np.testing.assert_array_equal(aim.cost.diagonal(), ERROR)
    np.testing.assert_array_equal(aim.impact, ERROR)
    path = CovariancePath(np.array([0]), SIGMA[None], everything[None], sound=True)
    mean = pd.DataFrame([MU], columns=list(ASSETS))[SHUFFLED]
    policy = AllocatorPolicy(MaximumSharpe(ASSETS), path, np.array([0]), mean)
    np.testing.assert_array_equal(policy.expected(0), MU)
    held = series(HELD).to_dict()
    limits = Constraints(tracking_error=0.01, benchmark=series(HELD))
    assert dict(limits.benchmark) == held


@pytest.mark.parametrize(
    "make",
    [
        lambda odd: BlackLitterman(plain(), risk_aversion=5.0, market=odd),
        lambda odd: RiskBudgeting(ASSETS, budgets=odd),
        lambda odd: plain(cost=odd),
        lambda odd: plain(impact=odd),
        lambda odd: AimPortfolio(plain(), Preferences(5.0), cost=odd),
        lambda odd: MeanCVaR(ASSETS, pd.DataFrame([odd]), window=1),
        lambda odd: Kelly(ASSETS, pd.DataFrame([odd]), window=1),
        lambda odd: plain(Constraints(tracking_error=0.1, benchmark=odd)),
        lambda odd: plain(Constraints(overrides=dict.fromkeys(odd.index, (0.0, 1.0)))),
        lambda odd: plain(Constraints(linear={"x": Linear(odd, 0.0)})),
        lambda odd: plain(Constraints(groups={"x": Group(odd.index)})),
        lambda odd: BlackLitterman(plain(), risk_aversion=5.0, views=[View(odd, 0.1)]),
    ],
)
def test_constructors_refuse_labels_of_other_assets(make):
    with pytest.raises(AllocationError, match="'b'"):
        make(pd.Series([0.1, 0.2, 0.3, 0.4], ["a0", "a1", "a2", "b"]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: efficient_frontier(series(MU), SIGMA, make_polytope(Constraints(), ASSETS)),
        lambda: efficient_frontier(MU, pd.DataFrame(SIGMA), make_polytope(Constraints(), ASSETS)),
        lambda: implied_returns(pd.DataFrame(SIGMA), HELD, 5.0),
        lambda: implied_returns(SIGMA, series(HELD), 5.0),
        lambda: covariance_path(TABLE, np.array([50]), window=30, min_history=10, horizon=1),
        lambda: Strategic(series(HELD), None, np.array([0]), Rebalancing()),
    ],
)
def test_where_no_names_are_known_labels_are_refused(call):
    with pytest.raises(DataError, match="cannot be matched by name here"):
        call()


def test_integer_labels():
    mu, sigma = pd.Series([0.05, 0.02, 0.01]), pd.DataFrame(np.diag([0.04, 0.01, 0.09]))
    capped = allocate(mu, sigma, risk_aversion=5.0, constraints=Constraints(overrides={0: (0.0, 0.1)}))
    assert capped[0] == pytest.approx(0.1)
    both = allocate(
        mu, sigma, risk_aversion=5.0, constraints=Constraints(groups={"g": Group((0, np.int64(1)), 0.0, 0.3)})
    )
    assert both[0] + both[1] == pytest.approx(0.3)
    scored = allocate(
        mu,
        sigma,
        risk_aversion=5.0,
        constraints=Constraints(linear={"s": Linear({0: 1.0, 2: 1.0}, 0.0, 0.2)}),
    )
    assert scored[0] + scored[2] == pytest.approx(0.2)
    table = pd.DataFrame(RETURNS)
    fitted = MeanVariancePortfolio(
        constraints=Constraints(overrides={3: (0.5, 0.6)}, groups={"g": Group((0, 1), 0.1, 0.2)})
    ).fit(table)
    assert 0.5 - 1e-6 <= fitted.weights_[3] <= 0.6 + 1e-6
    assert 0.1 - 1e-6 <= fitted.weights_[[0, 1]].sum() <= 0.2 + 1e-6
    views = BlackLitterman(
        MeanVariance((0, 1, 2), Constraints(), risk_aversion=5.0),
        risk_aversion=5.0,
        views=[View({0: 1}, 0.1)],
    )
    assert views.assets == ("0", "1", "2")
    for allocator in (MaximumSharpe, RiskBudgeting, HierarchicalRiskParity):
        limits = Constraints(overrides={1: (0.0, 0.25)})
        weights = FromAllocator(allocator, constraints=limits).fit(table).weights_
        assert weights[1] <= 0.25 + 1e-9


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Group("ab"), r"assets is the text 'ab', expected a sequence of assets; .* is \('ab',\)"),
        (
            lambda: MeanVariance("ab", Constraints(), risk_aversion=1.0),
            "assets: expected a sequence of names",
        ),
        (lambda: MaximumSharpe(("a", "a")), "'a' is there more than once"),
        (
            lambda: Constraints(overrides={0: (0, 1), "0": (0, 1)}),
            "overrides: the asset '0' is there more than",
        ),
        (lambda: Constraints(overrides=[(0, 1)]), "overrides: expected a mapping by asset, got list"),
        (lambda: View("ab", 0.1), "long is 'ab', expected a mapping"),
    ],
)
def test_what_is_no_sequence_of_assets_is_refused(make, match):
    with pytest.raises((LimitError, InputError), match=match):
        make()


def test_a_factory_that_takes_no_constraints_is_named():
    def only_assets(assets):
        return HierarchicalRiskParity(assets)

    with pytest.raises(
        InputError, match=r"only_assets cannot be called as only_assets\(assets, constraints=\.\.\.\)"
    ):
        FromAllocator(only_assets, constraints=Constraints()).fit(RETURNS)


def test_costs_by_asset_add_up():
    cost = TradingCost(np.array([0.001, 0.002]), np.array([0.1, 0.0]))
    assert cost.charge(np.array([0.5, -0.25])) == pytest.approx(0.5 * 0.001 + 0.25 * 0.002 + 0.1 * 0.25)
    with pytest.raises(SimulationError, match=r"2 rates for trades of shape \(3,\)"):
        cost.charge(np.zeros(3))
    with pytest.raises(SimulationError, match="rate is a Series, but trades have no labels"):
        TradingCost(pd.Series([0.001, 0.002]))
    for bad in (-0.001, np.nan, np.array([0.1, -0.1])):
        with pytest.raises(SimulationError, match="cost: rate is"):
            TradingCost(bad)
