"""Estimators against direct calls of the allocators, scikit-learn's own checks and two kinds of cross-validation."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.covariance import OAS, LedoitWolf
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_val_predict, cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator

from allocation.covariance.shrinkage import LedoitWolf as Shrunk
from allocation.covariance_types import FactorCovariance
from allocation.decision_status import DecisionStatus
from allocation.errors import DataError, InfeasibleError, InputError, LimitError
from allocation.estimators.mean_shrinkage import shrink_mean
from allocation.estimators.out_of_sample import _drift_weights, predict_forward
from allocation.estimators.portfolios import (
    EqualWeightPortfolio,
    FromAllocator,
    MeanVariancePortfolio,
    MinimumVariancePortfolio,
)
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group
from allocation.weights import OptimalityCertificate, Weights
from validation.folds.walk_forward import WalkForward

ASSETS = ["corn", "gold", "oil", "tin", "zinc"]


def table(rows=120, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(0.004, 0.02, (rows, 1)) + rng.normal(
        [0.0, 0.002, 0.004, 0.001, 0.003], 0.03, (rows, 5)
    )
    return pd.DataFrame(values, index=pd.date_range("2010-01-31", periods=rows, freq="ME"), columns=ASSETS)


class InverseVariance:
    """An allocator of one's own: no constraints, no optimiser."""

    def __init__(self, assets):
        self.assets = tuple(assets)

    def solve(self, position, mu, sigma, held, universe, *, validate=True):
        w = universe / sigma.diagonal()
        return Weights(position, w / w.sum(), 0.0, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0))


class WorstLoss:
    """An allocator of scenarios: all in the asset whose worst return is best."""

    def __init__(self, assets, paths, constraints=None, *, tilt=0.0):
        self.assets, self.paths, self.constraints, self.tilt = tuple(assets), paths, constraints, tilt

    def solve(self, position, mu, sigma, held, universe, *, validate=True):
        w = np.zeros(len(self.assets))
        w[np.argmax(self.paths.min(axis=0))] = 1.0
        return Weights(position, w, 0.0, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0))


EVERY = [
    EqualWeightPortfolio(),
    MinimumVariancePortfolio(constraints=Constraints(maximum=0.6)),
    MeanVariancePortfolio(3.0, cost=0.001),
    FromAllocator(partial(MeanVariance, risk_aversion=2.0), constraints=Constraints(maximum=0.7)),
    FromAllocator(InverseVariance),
]


def every(test):
    return pytest.mark.parametrize("estimator", EVERY, ids=lambda e: type(e).__name__)(test)


def checks():
    estimators = [
        EqualWeightPortfolio(),
        MinimumVariancePortfolio(),
        MeanVariancePortfolio(),
        FromAllocator(InverseVariance),
    ]
    for estimator in estimators:
        for made, check in estimator_checks_generator(estimator):
            name = getattr(check, "func", check).__name__
            if (
                name != "check_array_api_input"
            ):  # needs an environment variable, and nothing here claims to pass it
                yield pytest.param(made, check, id=f"{type(estimator).__name__}-{name}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator, check", list(checks()))
def test_scikit_learn_accepts_the_estimators(estimator, check):
    check(estimator)


def test_mean_variance_is_the_allocator_to_the_bit():
    X = table()
    held = pd.Series({"tin": 0.5, "oil": 0.5})
    cost = pd.Series([0.001, 0.002, 0.003, 0.004, 0.005], index=ASSETS)
    limits = {
        "maximum": 0.6,
        "groups": {"metal": Group(("gold", "tin", "zinc"), 0.1, 0.8)},
        "overrides": {"corn": (0.05, 0.2)},
        "turnover": 1.2,
        "leverage": 1.5,
        "minimum": -0.1,
        "volatility": 0.05,
        "tracking_error": 0.04,
        "cash_maximum": 0.2,
    }
    benchmark = {"corn": 0.5, "oil": 0.5}
    found = MeanVariancePortfolio(
        4.0,
        constraints=Constraints(**limits, benchmark=benchmark),
        previous_weights=held,
        cost=cost,
        impact=0.01,
        uncertainty=0.2,
    ).fit(X)
    R = X.to_numpy()
    sigma = Shrunk().estimate(R)
    mu, error = shrink_mean(R, sigma), np.sqrt(sigma.diagonal() / 120)
    solver = MeanVariance(
        ASSETS,
        Constraints(**limits, benchmark=benchmark),
        risk_aversion=4.0,
        cost=cost.to_numpy(),
        impact=0.01,
        uncertainty=0.2,
    )
    direct = solver.solve(
        119, mu, sigma, np.array([0, 0, 0.5, 0.5, 0.0]), np.ones(5, dtype=bool), error=error
    )
    assert np.array_equal(found.weights_, direct.weights)
    assert (found.cash_, found.status_) == (direct.cash, direct.status)
    assert found.certificate_.slack == direct.certificate.slack
    assert found.certificate_.holds
    assert np.array_equal(found.covariance_, sigma)
    assert np.array_equal(found.mu_, mu)
    assert (
        list(found.weights_.index)
        == list(found.covariance_.columns)
        == list(found.feature_names_in_)
        == ASSETS
    )


def test_minimum_variance_and_from_allocator_are_the_allocator_to_the_bit():
    X = table()
    sigma, zero, everything = Shrunk().estimate(X.to_numpy()), np.zeros(5), np.ones(5, dtype=bool)
    direct = MeanVariance(ASSETS, Constraints(maximum=0.3), risk_aversion=1.0).solve(
        119, zero, sigma, zero, everything
    )
    assert np.array_equal(
        MinimumVariancePortfolio(constraints=Constraints(maximum=0.3)).fit(X).weights_, direct.weights
    )
    through = FromAllocator(
        partial(MeanVariance, risk_aversion=1.0), constraints=Constraints(maximum=0.3), mu=np.zeros(5)
    ).fit(X)
    assert np.array_equal(through.weights_, direct.weights)


def test_a_factory_may_ask_for_scenarios_and_arguments():
    X = table()
    found = FromAllocator(partial(WorstLoss, tilt=0.3), constraints=Constraints(), scenarios="paths").fit(X)
    assert found.weights_.idxmax() == X.min().idxmax()
    assert np.array_equal(found.allocator_.paths, X)
    assert found.allocator_.tilt == 0.3


def test_a_factory_that_makes_no_allocator_is_reported():
    with pytest.raises(InputError, match="no method solve"):
        FromAllocator(tuple).fit(table())


@every
def test_shuffled_columns_give_the_same_weights_by_name(estimator):
    X = table()
    found = clone(estimator).fit(X).weights_
    other = clone(estimator).fit(X[["zinc", "corn", "tin", "gold", "oil"]]).weights_
    assert found.to_numpy() == pytest.approx(other[ASSETS].to_numpy(), abs=1e-8)


def test_numbers_by_asset_are_read_by_name():
    X = table()
    mu = pd.Series([0.001, 0.007, 0.006, 0.004, 0.003], index=ASSETS)
    options = {"risk_aversion": 20.0, "cost": 0.0002}
    plain = MeanVariancePortfolio(**options, mu=mu.to_numpy(), previous_weights=[0, 0, 0, 1.0, 0]).fit(X)
    by_name = MeanVariancePortfolio(**options, mu=mu[::-1], previous_weights={"tin": 1.0}).fit(X)
    assert np.array_equal(plain.weights_, by_name.weights_)
    assert plain.weights_["gold"] > plain.weights_["corn"]
    assert (plain.weights_ > 0).sum() >= 3


@pytest.mark.parametrize(
    "parameters, words",
    [
        (
            {"mu": pd.Series({"corn": 0.1, "gould": 0.2})},
            "mu: .*lacks 'gold', 'oil', 'tin', 'zinc' and names 'gould'",
        ),
        ({"mu": np.ones(4)}, r"mu has shape \(4,\), expected one number for each of 5"),
        ({"mu": pd.Series([0.1] * 4 + [np.nan], index=ASSETS)}, "expected return of 'zinc' is nan"),
        ({"previous_weights": {"silver": 1.0}}, "previous_weights: .*names 'silver'"),
        ({"cost": pd.Series({"corn": 0.1})}, "cost: .*lacks 'gold'"),
        ({"mu": pd.Series([0.1] * 5, index=ASSETS), "uncertainty": 1.0}, "uncertainty needs mu_error"),
    ],
)
def test_numbers_that_do_not_fit_are_named(parameters, words):
    with pytest.raises(DataError, match=words):
        MeanVariancePortfolio(**parameters).fit(table())


def test_wrong_parameters_are_found_by_fit_and_not_by_the_constructor():
    for parameters, error in (
        ({"risk_aversion": 0.0}, InputError),
        ({"constraints": Constraints(overrides={"silver": (0, 0)})}, LimitError),
        ({"constraints": Constraints(benchmark={"silver": 1.0}, tracking_error=0.1)}, LimitError),
        ({"constraints": Constraints(maximum=0.1)}, InfeasibleError),
        ({"constraints": Constraints(minimum_return=1.0)}, InfeasibleError),
        ({"mean_shrinkage": 2.0}, InputError),
        ({"covariance": "ledoit"}, InputError),
        ({"covariance": 7}, InputError),
        ({"covariance": lambda R: np.eye(3)}, InputError),
    ):
        estimator = MeanVariancePortfolio(**parameters)
        with pytest.raises(error):
            estimator.fit(table())


@every
def test_missing_returns_are_named(estimator):
    X = table()
    fitted = clone(estimator).fit(X)
    X.iloc[3, 1] = np.nan
    X.iloc[7, 4] = np.nan
    words = "return of 'gold' in row 2010-04-30.* is NaN; 2 of 600 returns are not finite, of 'gold', 'zinc'"
    for action in (clone(estimator).fit, fitted.predict):
        with pytest.raises(DataError, match=words):
            action(X)


def test_two_columns_of_one_name_are_an_error():
    X = table()
    X.columns = ["a", "b", "a", "c", "d"]
    with pytest.raises(DataError, match="'a' is there more than once"):
        EqualWeightPortfolio().fit(X)


@every
def test_clone_and_pickle(estimator):
    X = table()
    fitted = clone(estimator).fit(X)
    assert not hasattr(clone(fitted), "weights_")
    again = pickle.loads(pickle.dumps(fitted))
    assert again.predict(X).equals(fitted.predict(X))
    assert clone(fitted).fit(X).weights_.equals(fitted.weights_)
    assert fitted.get_params().keys() == estimator.get_params().keys()


@every
def test_fit_reads_nothing_after_its_rows(estimator):
    X = table()
    other = X.copy()
    other.iloc[60:] = np.random.default_rng(5).normal(size=(60, 5))
    past, before = X.iloc[:60], X.iloc[:60].copy()
    found = clone(estimator).fit(past)
    assert found.weights_.equals(clone(estimator).fit(other.iloc[:60]).weights_)
    assert past.equals(before)
    refitted = clone(estimator).fit(other).fit(past)
    assert refitted.weights_.equals(found.weights_)


@every
def test_predict_and_score(estimator):
    X = table()
    found = clone(estimator).fit(X[:80])
    returns = found.predict(X[80:])
    assert returns.index.equals(X.index[80:])
    assert returns.to_numpy() == pytest.approx(X[80:].to_numpy() @ found.weights_.to_numpy(), abs=1e-15)
    assert found.score(X[80:]) == pytest.approx(returns.mean() / returns.std())
    plain = clone(estimator).fit(X[:80].to_numpy())
    assert isinstance(plain.weights_, np.ndarray)
    assert np.array_equal(plain.predict(X[80:].to_numpy()), returns)


def test_covariances_by_name_function_and_object():
    class Estimate:
        def estimate(self, returns):
            return FactorCovariance(np.full((returns.shape[1], 1), 0.01), returns.var(axis=0))

    X = table()
    R = X.to_numpy()
    for choice, expected in (
        ("sample", np.cov(R.T, bias=True)),
        ("ledoit_wolf", LedoitWolf().fit(R).covariance_),
        (OAS(), OAS().fit(R).covariance_),
        (lambda returns: np.diag(returns.var(axis=0)), np.diag(R.var(axis=0))),
    ):
        found = MinimumVariancePortfolio(covariance=choice).fit(X)
        assert found.covariance_.to_numpy() == pytest.approx(expected, rel=1e-12)
    factors = MinimumVariancePortfolio(covariance=Estimate()).fit(X)
    assert isinstance(factors.covariance_, FactorCovariance)
    inverse = 1 / R.var(axis=0)  # alike exposures: the weights of smallest variance ignore the factor
    assert factors.weights_.to_numpy() == pytest.approx(inverse / inverse.sum(), abs=1e-8)


def test_means_are_shrunk_as_bayes_and_stein_say():
    R = table().to_numpy()
    S = np.cov(R.T)
    m, P, one = R.mean(axis=0), np.linalg.inv(S), np.ones(5)
    centre = (one @ P @ m) / (one @ P @ one)
    lack = (5 + 2) / (5 + 2 + 120 * (m - centre * one) @ P @ (m - centre * one))
    assert 0.05 < lack < 0.95
    assert shrink_mean(R, S) == pytest.approx((1 - lack) * m + lack * centre, rel=1e-9)
    assert shrink_mean(R, S, 0.0) == pytest.approx(m, rel=1e-12)
    assert shrink_mean(R, S, 1.0) == pytest.approx(np.full(5, centre), rel=1e-12)


def test_means_may_be_a_function_of_the_returns():
    X = table()
    found = MeanVariancePortfolio(mu=lambda R: R[-12:].mean(axis=0)).fit(X)
    assert found.mu_.to_numpy() == pytest.approx(X[-12:].mean().to_numpy(), rel=1e-12)


@every
def test_cross_val_predict_of_scikit_learn(estimator):
    X = table()
    found = cross_val_predict(estimator, X, cv=KFold(4))
    expected = np.empty(120)
    for train, test in KFold(4).split(X):
        expected[test] = clone(estimator).fit(X.iloc[train]).predict(X.iloc[test])
    assert np.array_equal(found, expected)


def test_a_walk_is_no_partition_but_can_be_scored():
    X = table()
    cv = WalkForward(np.arange(120), first_test=60, refit_every=20)
    with pytest.raises(ValueError, match="partition"):
        cross_val_predict(MinimumVariancePortfolio(), X, cv=cv)
    scores = cross_val_score(MinimumVariancePortfolio(), X, cv=cv)
    assert scores[1] == MinimumVariancePortfolio().fit(X[:80]).score(X[80:100])
    assert len(scores) == 3


def test_grid_search_over_risk_aversion():
    X = table()
    grid, cv = [0.5, 5.0, 500.0], TimeSeriesSplit(4)
    search = GridSearchCV(MeanVariancePortfolio(), {"risk_aversion": grid}, cv=cv).fit(X)
    expected = [
        np.mean([MeanVariancePortfolio(g).fit(X.iloc[a]).score(X.iloc[b]) for a, b in cv.split(X)])
        for g in grid
    ]
    assert len(set(expected)) == 3
    assert search.cv_results_["mean_test_score"] == pytest.approx(expected, rel=1e-12)
    assert search.best_params_["risk_aversion"] == grid[int(np.argmax(expected))]
    assert search.predict(X).equals(search.best_estimator_.predict(X))


def test_limits_are_one_parameter_that_clones_and_can_be_searched():
    X = table()
    tight, wide = Constraints(maximum=0.3), Constraints(maximum=0.6, groups={"metal": Group(("gold", "tin"))})
    estimator = clone(MinimumVariancePortfolio(constraints=wide))
    assert estimator.get_params()["constraints"] == wide
    assert estimator.set_params(constraints=tight).fit(X).weights_.max() <= 0.3 + 1e-9
    search = GridSearchCV(MinimumVariancePortfolio(), {"constraints": [tight, wide]}, cv=TimeSeriesSplit(3))
    assert search.fit(X).best_params_["constraints"] in (tight, wide)
    assert not estimator.trades
    assert estimator.set_params(constraints=Constraints(turnover=0.5)).trades
    with pytest.raises(LimitError, match="minimum_return: MinimumVariancePortfolio has no expected returns"):
        MinimumVariancePortfolio(constraints=Constraints(minimum_return=0.01)).fit(X)


def test_a_walk_hands_on_what_is_held():
    X = table()
    cv = WalkForward(np.arange(120), first_test=60, refit_every=20)
    estimator = MeanVariancePortfolio(50.0, cost=0.002, mean_shrinkage=0.8)
    found = predict_forward(estimator, X, cv)
    assert found.returns.index.equals(X.index[60:])
    held = None
    for row, (train, test) in enumerate(cv.split(X)):
        one = clone(estimator).set_params(previous_weights=held).fit(X.iloc[train])
        assert found.weights.index[row] == X.index[train[-1]]
        assert np.array_equal(one.weights_, found.weights.iloc[row])
        value, cash, path = one.weights_.to_numpy(), one.cash_, []
        for r in X.iloc[test].to_numpy():  # money, asset by asset
            before = value.sum() + cash
            value = value * (1 + r)
            path.append((value.sum() + cash) / before - 1)
        assert found.returns[X.index[test]].to_numpy() == pytest.approx(path, abs=1e-12)
        before = np.zeros(5) if held is None else held.to_numpy()
        assert found.turnover.iloc[row] == pytest.approx(np.abs(one.weights_ - before).sum(), abs=1e-12)
        held = pd.Series(value / (value.sum() + cash), index=X.columns)
        # The library's own bits, so that the next fit can be compared to the bit.
        held[:] = _drift_weights(one.weights_.to_numpy(), X.iloc[test].to_numpy())[1]
    free = predict_forward(clone(estimator).set_params(cost=0.0), X, cv)
    assert found.turnover.sum() < free.turnover.sum()


class TestSkfolio:
    def test_walk_forward_gives_the_same_returns(self):
        from skfolio.model_selection import WalkForward as Walk
        from skfolio.model_selection import cross_val_predict as predict

        from allocation.estimators.skfolio_optimization import SkfolioOptimization

        X = table()
        cv = Walk(train_size=60, test_size=20)
        for estimator in (EqualWeightPortfolio(), MinimumVariancePortfolio(), MeanVariancePortfolio(2.0)):
            found = predict(SkfolioOptimization(estimator), X, cv=cv)
            assert len(found) == 3
            expected = [clone(estimator).fit(X.iloc[a]).predict(X.iloc[b]) for a, b in cv.split(X)]
            assert found.returns == pytest.approx(pd.concat(expected).to_numpy(), abs=1e-15)

    def test_costs_are_reckoned_from_the_fold_before(self):
        from skfolio.model_selection import WalkForward as Walk
        from skfolio.model_selection import cross_val_predict as predict

        from allocation.estimators.skfolio_optimization import SkfolioOptimization

        X = table()
        cv, estimator = Walk(train_size=60, test_size=20), MeanVariancePortfolio(2.0, cost=0.003)
        found = predict(SkfolioOptimization(estimator), X, cv=cv)
        held = None
        for portfolio, (train, _) in zip(found, cv.split(X), strict=True):
            one = clone(estimator).set_params(previous_weights=held).fit(X.iloc[train])
            assert portfolio.weights == pytest.approx(one.weights_.to_numpy(), abs=1e-12)
            held = one.weights_
        careless = clone(estimator).fit(X.iloc[40:100]).weights_
        assert np.abs(found[-1].weights - careless).max() > 1e-3

    def test_combinatorial_paths(self):
        from skfolio import Population
        from skfolio.model_selection import CombinatorialPurgedCV
        from skfolio.model_selection import cross_val_predict as predict

        from allocation.estimators.skfolio_optimization import SkfolioOptimization

        X = table()
        cv = CombinatorialPurgedCV(n_folds=4, n_test_folds=2)
        found = predict(SkfolioOptimization(MinimumVariancePortfolio()), X, cv=cv)
        assert isinstance(found, Population)
        assert len(found) == 3
        train, tests = next(iter(cv.split(X)))
        one = MinimumVariancePortfolio().fit(X.iloc[train])
        assert found[0][0].returns == pytest.approx(one.predict(X.iloc[tests[0]]).to_numpy(), abs=1e-15)
        assert {len(path.returns) for path in found} == {120}

    def test_parameters_reach_the_estimator_inside(self):
        from allocation.estimators.skfolio_optimization import SkfolioOptimization

        X = table()
        outer = SkfolioOptimization(MeanVariancePortfolio())
        search = GridSearchCV(outer, {"estimator__risk_aversion": [1.0, 50.0]}, cv=TimeSeriesSplit(3)).fit(X)
        assert search.best_estimator_.estimator_.certificate_.holds
        again = pickle.loads(pickle.dumps(clone(search.best_estimator_).fit(X)))
        assert np.array_equal(again.weights_, search.best_estimator_.weights_)

    def test_skfolio_is_imported_only_when_asked(self):
        import subprocess
        import sys

        modules = ", ".join(
            f"allocation.estimators.{name}" for name in ("portfolios", "allocate", "out_of_sample")
        )
        code = f"import sys, {modules}; print('skfolio' in sys.modules)"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert out.stdout.strip() == "False"
