"""The law of the whole pipeline: replace everything after t, and nothing dated up to t changes by a bit."""

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from causality import violations
from pydantic import TypeAdapter
from sklearn.base import clone
from synthetic import make_panel

import models.linear.regression
import models.walk_forward.windows
from allocation.covariance_types import to_dense
from features.spec import feature, registered_features
from market.load import load_panel
from market.scores import ScoreTable
from models.regimes.walk import walk_regimes
from models.walk_forward.standardise import Standardiser
from pipeline.config import RunConfig, load_config
from pipeline.settings.allocation import EsgSection, PositionsSection
from pipeline.settings.covariance import CovarianceSection
from pipeline.settings.models import CombinationModel, RidgeModel, UnivariateModel
from pipeline.stages import compute as stages
from pipeline.stages import schedule as timetable
from pipeline.stages import trading
from pipeline.strategies.registry import Strategy

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def by_date(n_dates, positions, values):
    """Spread values that belong to some dates over all dates."""
    values = np.asarray(values, dtype=float).reshape(len(positions), -1)
    out = np.full((n_dates, values.shape[1]), np.nan)
    out[positions] = values
    return out


def forecasting(config: RunConfig, panel):
    """Return what the pipeline makes up to its forecasts, by the date at which it was known, and what it is made of."""
    n = len(panel.dates)
    matrix = stages.make_features(panel, config)
    schedule = timetable.make_schedule(panel, matrix, config)
    regimes = stages.make_regimes(matrix, schedule, config)
    data = stages.make_dataset(panel, matrix, regimes, schedule, config)
    walks = stages.combine(
        {
            name: stages.walk_model(name, section, data, schedule, config)
            for name, section in config.fitted_models().items()
        },
        schedule,
        config,
    )
    risk = trading.make_calibration_risk(panel, schedule, regimes, config).metric()
    forecasts = stages.make_forecasts(walks, schedule, config, risk)
    calibration = config.calibration.model_copy(update={"metric": "inverse_covariance"})
    in_covariance = config.model_copy(update={"calibration": calibration})
    out = {f"feature {name}": matrix.values[:, :, k] for k, name in enumerate(matrix.names)} | {
        "label, by its end": ended(schedule.labels.value, schedule.labels.end),
        "target, by its end": ended(schedule.target.value, schedule.labels.end),
        "regime probabilities": regimes.probabilities,
        "regime labels": regimes.label.astype(float),
        "anomaly": regimes.anomaly,
        "decisions": by_date(n, schedule.decisions, np.ones(len(schedule.decisions))),
        "folds": by_date(
            n,
            [fold.test[0] for fold in schedule.folds],
            [[len(f.train), f.train[0], f.train[-1], f.train_ends[-1]] for f in schedule.folds],
        ),
    }
    for name, forecast in stages.make_forecasts(walks, schedule, in_covariance, risk).items():
        out[f"forecast {name}: slope in the inverse covariance"] = by_date(
            n, forecast.positions, forecast.slope
        )
    for name, forecast in forecasts.items():
        out[f"forecast {name}: mean"] = by_date(n, forecast.positions, forecast.mean)
        out[f"forecast {name}: standard error"] = by_date(n, forecast.positions, forecast.stderr)
        out[f"forecast {name}: raw"] = by_date(n, forecast.positions, forecast.raw)
        out[f"forecast {name}: slope"] = by_date(n, forecast.positions, forecast.slope)
        fits = walks[name].fits
        fitted = [[*fit.importance, *fit.chosen.values()] for fit in fits]
        out[f"fit of {name}"] = by_date(n, [fit.first_test for fit in fits], fitted)
    return out, (schedule, regimes, forecasts)


def forecast(config: RunConfig, panel):
    """Return what the pipeline makes up to its forecasts."""
    return forecasting(config, panel)[0]


def everything(config: RunConfig, panel):
    """Return all that the pipeline makes, by the date at which it was known."""
    n = len(panel.dates)
    out, (schedule, regimes, forecasts) = forecasting(config, panel)
    covariances = trading.make_covariances(panel, schedule, regimes, config)
    # Beside the decisions there is one for the last date of the panel, whichever that is.
    at_decision = np.isin(covariances.positions, schedule.decisions)
    out["covariances"] = by_date(n, covariances.positions[at_decision], covariances.sigma[at_decision])
    for name, policy in trading.make_policies(
        panel, schedule, forecasts, covariances, regimes, config
    ).items():
        result = trading.backtest(name, policy, panel, schedule, config)
        out[f"weights of {name}"] = by_date(n, result.decisions, result.targets)
        if result.sleeves is not None:
            # A sleeve that begins after t is a column that was not there.
            largest = np.abs(result.sleeves.net).max(axis=1)
            out[f"largest sleeve of {name}"] = by_date(n, result.positions, largest)
    return out


def ended(values, ends):
    """Move each row to the row at which it was known."""
    out = np.full_like(values, np.nan)
    inside = ends < len(values)
    out[ends[inside]] = values[inside]
    return out


def strategies(assets):
    """Return one strategy of each kind, on the first assets where assets have to be named."""
    first = assets[:8]
    content = {
        "fixed": {"kind": "strategic", "weights": dict.fromkeys(first, 0.1), "rebalance": {"relative": 0.1}},
        "balanced": {"kind": "sixty_forty", "stocks": first, "rebalance": {"every": 3}},
        "quarters": {"kind": "permanent", "stocks": first[:3], "bonds": first[3:5], "gold": first[5:]},
        "weather": {
            "kind": "all_weather",
            "rising_growth": first[:2],
            "falling_growth": first[1:4],
            "rising_inflation": first[4:],
            "falling_inflation": first[5:6],
            "unsmooth": {"assets": first[:1], "method": "glm"},
        },
        "endowment": {
            "kind": "endowment",
            "classes": {
                "slow": {"target": 0.4, "assets": first[:4], "maximum_trade": 0.01},
                "fast": {"target": 0.5, "assets": first[4:]},
            },
        },
        "bold": {"kind": "mean_variance", "forecast": "ridge", "risk_aversion": 2},
        "tactical": {"kind": "tactical", "strategic": "equal_weight", "forecast": "ridge", "cash": 0.1},
        "tracked": {
            "kind": "tactical",
            "strategic": "fixed",
            "forecast": "ridge",
            "deviation": 0.5,
            "annual_tracking_error": 0.03,
        },
        "patient": {"kind": "aim", "forecast": "ridge"},
        "opinions": {
            "kind": "black_litterman",
            "forecast": "ridge",
            "views": [
                {"long": first[0], "short": first[1:3], "annual_return": 0.1, "first": "1962-03-31"},
                {"long": first[3], "annual_return": 0.2, "confidence": 0.8, "first": "1965-01-31"},
            ],
        },
        "both": {"kind": "core_satellite", "core": "fixed", "satellite": "calm", "share": 0.6},
        "calm": {
            "kind": "volatility_target",
            "base": "bold",
            "volatility": 0.15,
            "maximum_leverage": 2,
            "unsmooth": {"assets": first[:2]},
        },
        "guarded": {"kind": "drawdown_control", "base": "both", "floor": 0.8},
        "switched": {"kind": "regime", "portfolios": ["guarded", "tactical", "model:ridge"]},
        "mixed": {"kind": "regime", "portfolios": ["fixed", "no_forecast", "fixed"], "how": "mix"},
    }
    return TypeAdapter(dict[str, Strategy]).validate_python(content)


def smaller(name, **walk):
    """Return a shipped configuration with fewer refits, smaller models, and the kinds of model it leaves out.

    It has no strategies: all kinds of them are tried on the small panel.
    """
    config = load_config(CONFIGS / f"{name}.yaml")
    others = {
        "nested": RidgeModel(kind="ridge", selection="nested", half_life=60),
        "univariate": UnivariateModel(kind="univariate", combine="trimmed"),
        "dmspe": CombinationModel(kind="combination", members=("ridge", "univariate"), method="dmspe"),
        "learned": CombinationModel(kind="combination", members=("ridge", "univariate"), method="learned"),
    }
    models = {
        key: section.model_copy(
            update={
                k: v
                for k, v in {"n_penalties": 8, "inner_splits": 2, "max_trees": 20}.items()
                if hasattr(section, k)
            }
        )
        for key, section in (config.models | others).items()
    }
    start = walk.pop("start")
    return config.model_copy(
        update={
            "models": models,
            "walk_forward": config.walk_forward.model_copy(update=walk),
            "evaluation": config.evaluation.model_copy(update={"start": start}),
        }
    )


@cache
def sources():
    """Return a part of each embedded source that is long enough to fit, test and trade on."""
    industries, _ = load_panel("industries", end="1966-12-31")
    stocks, _ = load_panel("stocks", end="1997-06-30")
    return {
        "industries": (
            industries,
            smaller(
                "industries",
                first_test="1957-01-31",
                refit_every=24,
                start="1960-01-31",
            ),
        ),
        "stocks": (
            stocks,
            smaller(
                "stocks",
                first_test="1996-01-02",
                train_every=10,
                weights="uniqueness",
                start="1996-06-03",
            ),
        ),
    }


@pytest.mark.parametrize(("source", "before_end"), [("industries", (70, 31, 2)), ("stocks", (200, 43))])
def test_nothing_known_at_t_depends_on_what_comes_after(source, before_end):
    panel, config = sources()[source]
    rows = [len(panel.dates) - row for row in before_end]
    assert violations(partial(everything, config), panel, rows, seed=11) == []


@pytest.fixture
def small():
    """A synthetic panel with listings, deaths and holes, and a configuration that runs on it in a second."""
    panel = make_panel("monthly", n_dates=150, n_assets=8, seed=4)
    _, config = sources()["industries"]
    models = {name: config.models[name] for name in ("ridge", "lightgbm")}
    walk = config.walk_forward.model_copy(update={"first_test": panel.dates[90].date(), "refit_every": 12})
    allocation = config.allocation.model_copy(
        update={"forecast": "ridge", "covariance_window": 60, "min_history": 24}
    )
    evaluation = config.evaluation.model_copy(update={"start": panel.dates[100].date()})
    regimes = config.regimes.model_copy(update={"min_train": 60})
    return panel, config.model_copy(
        update={
            "models": models,
            "strategies": strategies(panel.assets),
            "walk_forward": walk,
            "allocation": allocation,
            "evaluation": evaluation,
            "regimes": regimes,
        }
    )


def look(small, compute=everything, rows=(106, 126)):
    panel, config = small
    return violations(partial(compute, config), panel, rows, seed=3)


def test_the_small_panel_is_clean(small):
    assert look(small) == []


def scored(small, **esg):
    """The same with scores that assets have from different dates on, known late and sometimes revised."""
    panel, config = small
    rng, n = np.random.default_rng(5), 300
    row, asset = np.divmod(rng.choice(130 * len(panel.assets), n, replace=False), len(panel.assets))
    observed = pd.DatetimeIndex(panel.dates[row])
    known = observed + pd.to_timedelta(rng.integers(20, 400, n), unit="D")
    table = ScoreTable("made up", panel.assets, asset, observed, known, rng.uniform(0, 10, n), 1500)
    section = EsgSection(path="scores.csv", max_age_days=1500, missing="mean", **esg)
    allocation = config.allocation.model_copy(update={"esg": section, "on_infeasible": "hold"})
    update = {"allocation": allocation, "strategies": {}}
    return replace(panel, scores=table), config.model_copy(update=update)


ESG = {"floor": 5.0, "exclude_below": 0.5, "tilt": 0.002}


def test_scores_count_from_the_day_on_which_they_were_known(small):
    panel, config = scored(small, **ESG)
    weights, plain = everything(config, panel), everything(*reversed(small))
    assert (weights["weights of model:ridge"] != plain["weights of model:ridge"]).any()
    assert look((panel, config)) == []


def test_scores_that_count_from_their_date_are_caught(small, monkeypatch):
    honest = ScoreTable.at

    def leaking(self, dates):
        return honest(replace(self, known_at=self.observed_at), dates)

    panel, config = scored(small, **ESG)
    monkeypatch.setattr(ScoreTable, "at", leaking)
    found = look((panel, config))
    assert any("weights of model:ridge" in line for line in found)
    assert not any("forecast ridge" in line for line in found)


def test_few_positions_are_chosen_from_the_past(small):
    panel, config = small
    few = PositionsSection(maximum=3, minimum_weight=0.05)
    allocation = config.allocation.model_copy(update={"positions": few})
    config = config.model_copy(update={"allocation": allocation, "strategies": {}})
    weights = everything(config, panel)["weights of model:ridge"]
    assert np.nanmax((weights != 0).sum(axis=1)[np.isfinite(weights).all(axis=1)]) <= 3
    assert look((panel, config), rows=[126]) == []


def test_an_aim_by_a_decay_of_the_whole_sample_is_caught(small, monkeypatch):
    from allocation.trading import signals

    honest = signals.estimate_decay
    monkeypatch.setattr(signals, "estimate_decay", lambda mean: np.full(len(mean), honest(mean)[-1]))
    panel, config = small
    patient = config.model_copy(update={"strategies": {"patient": config.strategies["patient"]}})
    assert any("weights of strategy:patient" in line for line in look((panel, patient)))


def test_a_centred_window_is_caught(small, monkeypatch):
    from features import spec

    monkeypatch.setattr(spec, "_CATALOGUE", registered_features())

    @feature(stage="asset", lookback=3, unit="fraction")
    def centred_mean(returns):
        """Mean of the month before, this month and the month after."""
        after = np.vstack([returns[1:], returns[-1:]])
        return (np.vstack([returns[:1], returns[:-1]]) + returns + after) / 3

    found = look(small, forecast)
    assert any("feature centred_mean" in line for line in found)
    assert any("forecast" in line for line in found)


def test_scaling_on_the_full_sample_is_caught(small, monkeypatch):
    honest = stages.make_dataset

    def leaking(*parts):
        data = honest(*parts)
        rows = data.X.reshape(-1, data.X.shape[-1])
        return replace(data, X=Standardiser().fit(rows).transform(rows).reshape(data.X.shape))

    monkeypatch.setattr(stages, "make_dataset", leaking)
    assert any("forecast ridge: raw" in line for line in look(small, forecast))


def test_a_scaler_that_remembers_the_test_is_caught(small, monkeypatch):
    """The scaler of a fold sees the rows it will be asked about."""
    honest = models.linear.regression._PenalisedRegression.predict

    def leaking(self, X, rows=None):
        self.scaler_ = Standardiser().fit(X)
        return honest(self, X, rows)

    monkeypatch.setattr(models.linear.regression._PenalisedRegression, "predict", leaking)
    assert any("forecast ridge: raw" in line for line in look(small, forecast))


def test_running_sums_that_take_in_an_unfinished_label_are_caught(small, monkeypatch):
    honest = models.walk_forward.windows.TrainingWindows.of

    def leaking(folds):
        spans = honest(folds)
        return replace(spans, stop=np.minimum(spans.stop + 1, len(spans.grid)))

    monkeypatch.setattr(models.walk_forward.windows.TrainingWindows, "of", leaking)
    assert any("forecast ridge: raw" in line for line in look(small, forecast))


def test_a_backward_fill_is_caught(small, monkeypatch):
    import pandas as pd

    honest = stages.make_features

    def leaking(panel, config):
        matrix = honest(panel, config)
        filled = [pd.DataFrame(matrix.values[:, :, k]).bfill().to_numpy() for k in range(len(matrix.names))]
        return replace(matrix, values=np.stack(filled, axis=2))

    monkeypatch.setattr(stages, "make_features", leaking)
    assert any(line.split(": ")[1].startswith("feature") for line in look(small, forecast))


@pytest.mark.parametrize("kind", ["kmeans", "hmm", "jump"])
@pytest.mark.parametrize("source", ["industries", "stocks"])
def test_regimes_of_each_kind_are_told_from_the_past(source, kind):
    panel, config = sources()[source]
    every = {"industries": 1, "stocks": 21}[source]
    update = {"kind": kind, "refit_every": every}
    config = config.model_copy(update={"regimes": config.regimes.model_copy(update=update)})
    # The walk needs four features of the market alone, which makes room for more rows to cut at.
    features = config.features.model_copy(update={"include": config.regimes.features})
    config = config.model_copy(update={"features": features})

    def regimes(panel):
        matrix = stages.make_features(panel, config)
        path = stages.make_regimes(matrix, timetable.make_schedule(panel, matrix, config), config)
        return {
            "probabilities": path.probabilities,
            "labels": path.label,
            "anomaly": path.anomaly,
            "centres": by_date(len(panel.dates), path.refits, path.centres),
        }

    n = len(panel.dates)
    assert violations(regimes, panel, [n - 71, n - 40, n - 2], seed=5) == []


@pytest.mark.parametrize("kind", get_args(CovarianceSection.model_fields["kind"].annotation))
def test_covariances_of_each_kind_know_the_past_alone(small, kind):
    panel, config = small
    allocation = config.allocation.model_copy(update={"covariance": CovarianceSection(kind=kind)})
    features = config.features.model_copy(update={"include": config.regimes.features})
    config = config.model_copy(update={"allocation": allocation, "features": features})

    def covariances(panel):
        matrix = stages.make_features(panel, config)
        schedule = timetable.make_schedule(panel, matrix, config)
        regimes = stages.make_regimes(matrix, schedule, config)
        path = trading.make_covariances(panel, schedule, regimes, config)
        actual = [to_dense(path.at(position)[0]) for position in schedule.decisions]
        return {"covariances": by_date(len(panel.dates), schedule.decisions, actual)}

    n = len(panel.dates)
    assert np.isfinite(covariances(panel)["covariances"]).any()
    assert violations(covariances, panel, [n - 40, n - 21, n - 2], seed=7) == []


def test_clusters_fitted_on_all_dates_are_caught(small, monkeypatch):
    def leaking(X, folds, names, model, before=None, plan=None):
        path = walk_regimes(X, folds, names, model, plan=plan)
        probabilities, anomaly = clone(model).fit(X).predict_states(X)
        probabilities[: folds[0].test[0]] = np.nan
        return replace(path, probabilities=probabilities, anomaly=anomaly, label=probabilities.argmax(axis=1))

    monkeypatch.setattr(stages, "walk_regimes", leaking)
    assert any("regime probabilities" in line for line in look(small, forecast))
