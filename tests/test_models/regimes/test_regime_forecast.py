"""Forecasts of the regime one horizon ahead: honest outcomes, nothing from later, continued with the same bits."""

from dataclasses import fields

import numpy as np
import pytest
from causality import first_difference
from regime_markets import folds, market
from sklearn.base import clone

from models.regimes.ahead.forecast import ForecastPlan
from models.regimes.hmm import HMMRegimes
from models.regimes.jump import JumpRegimes
from models.regimes.kmeans import KMeansRegimes
from models.regimes.walk import walk_regimes

MODELS = (KMeansRegimes(3), JumpRegimes(3, jump_penalty=2.0), HMMRegimes(3, "diagonal"))
every_model = pytest.mark.parametrize("model", MODELS, ids=str)


def plans(inputs):
    return [
        ForecastPlan(1),
        ForecastPlan(7),
        ForecastPlan(40),
        ForecastPlan(5, "logit", inputs, every=2),
        ForecastPlan(5, "lightgbm", inputs),
    ]


@every_model
@pytest.mark.parametrize("horizon", [1, 7, 40])
def test_the_outcome_is_the_state_by_the_same_fit_one_horizon_later(model, horizon):
    """Told by hand: each fold fitted again, and asked for all rows up to the outcome's."""
    X, _ = market(n_dates=500, noise=0.2)
    walk = folds(500, 200, 30)
    path = walk_regimes(X, walk, ["a", "b"], model, plan=ForecastPlan(horizon))
    fit = None
    for fold, restarted in zip(walk, path.restarted, strict=True):
        fit = clone(model).fit(X[fold.train], fit, cold=bool(restarted) and fit is not None)
        for t in fold.test:
            if t + horizon < len(X):
                expected = fit.predict_states(X[fold.test[0] : t + horizon + 1])[0][-1].argmax()
            else:
                expected = -1
            assert path.forecast.outcome[t] == expected


@every_model
def test_training_states_are_filtered_and_never_smoothed(model):
    X, _ = market(n_dates=400, noise=0.3)
    fit = clone(model).fit(X[:300])
    whole = fit.filter_training(X[:300])
    for cut in (1, 50, 299):
        np.testing.assert_array_equal(fit.filter_training(X[:cut]), whole[:cut])
    # The rows that follow go on from there.
    longer = fit.filter_training(X)
    np.testing.assert_allclose(longer[300:], fit.predict_states(X[300:])[0], atol=1e-9)


@every_model
@pytest.mark.parametrize("number", range(5))
def test_forecasts_depend_on_nothing_later(model, number):
    X, _ = market(n_dates=500, noise=0.2)
    X[::41, 0] = np.nan
    X[::67] = np.nan
    inputs = np.random.default_rng(0).normal(size=(500, 2))
    plan = plans(inputs)[number]
    whole = walk_regimes(X, folds(500, 200, 30), ["a", "b"], model, plan=plan)
    for cut in (230, 231, 371):
        changed, other = X.copy(), inputs.copy()
        changed[cut:] = np.random.default_rng(cut).normal(5, 3, size=(500 - cut, 2))
        other[cut:] = 9.0
        later = ForecastPlan(plan.horizon, plan.kind, other, plan.every)
        path = walk_regimes(changed, folds(500, 200, 30), ["a", "b"], model, plan=later)
        for name in ("probabilities", "counted", "classified"):
            a, b = getattr(whole.forecast, name), getattr(path.forecast, name)
            assert first_difference(name, a, b, cut) is None
        known = cut - plan.horizon
        assert first_difference("outcome", whole.forecast.outcome, path.forecast.outcome, known) is None
        fits = int((path.refits <= cut).sum())
        for name in ("matrix", "stay", "share", "weight"):
            a, b = getattr(whole.forecast, name), getattr(path.forecast, name)
            assert first_difference(name, a, b, fits) is None


@every_model
@pytest.mark.parametrize("number", range(5))
def test_a_continued_walk_has_the_bits_of_a_whole_one(model, number):
    X, _ = market(n_dates=420, noise=0.2)
    inputs = np.random.default_rng(0).normal(size=(420, 2))
    plan = plans(inputs)[number]
    whole = walk_regimes(X, folds(420, 200, 15), ["a", "b"], model, plan=plan)
    for cut in (201, 333, 350, 419):
        part = ForecastPlan(plan.horizon, plan.kind, inputs[:cut], plan.every)
        before = walk_regimes(X[:cut], folds(cut, 200, 15), ["a", "b"], model, plan=part)
        path = walk_regimes(X, folds(420, 200, 15), ["a", "b"], model, before, plan)
        for one in fields(whole.forecast):
            a, b = getattr(whole.forecast, one.name), getattr(path.forecast, one.name)
            np.testing.assert_array_equal(a, b, err_msg=one.name)
        np.testing.assert_array_equal(whole.probabilities, path.probabilities)
        assert len(whole.pending) == len(path.pending)


@every_model
def test_each_forecast_is_a_distribution_where_the_state_is_known(model):
    X, _ = market(n_dates=400, noise=0.2)
    X[300:305] = np.nan
    for plan in plans(np.ones((400, 1))):
        path = walk_regimes(X, folds(400, 200, 30), ["a", "b"], model, plan=plan)
        known = path.label >= 0
        p = path.forecast.probabilities
        np.testing.assert_allclose(p[known].sum(axis=1), 1)
        assert (p[known] > 0).all()
        assert np.isnan(p[~known]).all()


def test_a_classifier_uses_an_input_that_announces_the_next_state():
    X, state = market(n_dates=900, stay=0.9)
    announced = np.r_[state[1:], 0][:, None].astype(float)
    walk = folds(900, 300, 50)
    for kind in ("logit", "lightgbm"):
        plan = ForecastPlan(1, kind, announced)
        forecast = walk_regimes(X, walk, ["a", "b"], KMeansRegimes(3), plan=plan).forecast
        assert forecast.weight[0] == 0
        assert forecast.weight[-1] > 0.5
        rows = np.arange(600, 899)
        chosen = forecast.probabilities[rows, forecast.outcome[rows]]
        counted = forecast.counted[rows, forecast.outcome[rows]]
        assert np.log(chosen).mean() > np.log(counted).mean() + 0.1
