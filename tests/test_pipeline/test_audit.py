"""The leak certificate: every planted leak is caught and named, and nothing honest raises an alarm."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hostile import (
    constant_prices,
    flat_bars,
    gaps_in_bars,
    gaps_in_volume,
    runs_of_zero_volume,
    scaled,
    with_closes,
    with_volume,
)
from own_prices import settings, write_prices
from running import evaluated, pipeline_of
from sklearn.base import clone
from sklearn.decomposition import PCA
from synthetic import make_panel

import market.panel
import market.readers.prices
from features.spec import FeatureError, feature, registered_features
from market.macro import MacroSeries
from models import dispatch
from models.calibration import calibrate
from models.regimes.ahead.forecast import ForecastRecorder
from models.regimes.walk import walk_regimes
from models.walk_forward.standardise import Standardiser
from pipeline import data_source
from pipeline.audit.audit import audit, choose_cuts, refuse
from pipeline.audit.differences import compare
from pipeline.audit.point_in_time import PointInTimeValue
from pipeline.audit.replay import of_run, replay
from pipeline.config import RunConfig
from pipeline.errors import LeakError, UnitError
from pipeline.stages import compute, trading
from pipeline.stages import schedule as timetable
from pipeline.stages.sequence import Sequence

RIDGE = {"kind": "ridge", "n_penalties": 8, "inner_splits": 2}
CATALOGUE = {}


def leak(stage, **changes):
    """Register a leak: a function that plants it with monkeypatch, the stage to be named, changes of the settings."""

    def register(plant):
        CATALOGUE[plant.__name__] = (plant, stage, changes)
        return plant

    return register


def small(folder, **changes):
    """Return a configuration that runs in a second."""
    content = settings(folder, 150, **changes)
    content["models"] = changes.get("models", {"ridge": RIDGE})
    every = changes.get("allocation__rebalance_every", 3)
    content["allocation"] |= {"forecast": "ridge", "rebalance_every": every, "maximum": 1.0}
    content["features"] = changes.get(
        "features", {"include": ["market", "momentum_12_1", "drawdown_12", "max_return_12"]}
    )
    return RunConfig.model_validate(content)


@pytest.fixture
def folder(tmp_path):
    write_prices(tmp_path / "prices.csv", n_dates=150, n_assets=8, seed=2)
    return tmp_path


@pytest.fixture
def own_features(monkeypatch):
    """Let a test add features that are gone after it."""
    from features import catalogue, spec

    catalogue.catalogue()  # fills it
    monkeypatch.setattr(spec, "_CATALOGUE", registered_features())


def changed_dataset(monkeypatch, change):
    """Let `change` make the features that the models see from those that they should see, as (T * N, K)."""
    honest = compute.make_dataset

    def leaking(*parts):
        data = honest(*parts)
        rows = data.X.reshape(-1, data.X.shape[-1])
        return replace(data, X=change(rows, data).reshape(data.X.shape))

    monkeypatch.setattr(compute, "make_dataset", leaking)


def changed_features(monkeypatch, change):
    """Let `change` make each column, as a frame (T, N), anew."""
    honest = compute.make_features

    def leaking(panel, config, before=None):
        matrix = honest(panel, config)
        columns = [change(pd.DataFrame(matrix.values[:, :, k])).to_numpy() for k in range(len(matrix.names))]
        return replace(matrix, values=np.stack(columns, axis=2))

    monkeypatch.setattr(compute, "make_features", leaking)


@leak("model ridge")
def scaler_of_the_full_sample(monkeypatch):
    changed_dataset(monkeypatch, lambda rows, data: Standardiser().fit(rows).transform(rows))


@leak("model ridge")
def winsorising_at_quantiles_of_the_full_sample(monkeypatch):
    changed_dataset(
        monkeypatch, lambda rows, data: np.clip(rows, *np.nanquantile(rows, [0.05, 0.95], axis=0))
    )


@leak("model ridge", features={"include": ["market", "return_36"]})
def imputing_by_the_mean_of_the_full_sample(monkeypatch):
    changed_dataset(
        monkeypatch, lambda rows, data: np.where(np.isfinite(rows), rows, np.nanmean(rows, axis=0))
    )


@leak("model ridge", features={"include": ["market", "asset"]})
def selecting_features_by_their_correlation_with_all_targets(monkeypatch):
    def select(rows, data):
        target = data.y.reshape(-1)
        ok = np.isfinite(target)
        score = np.abs(np.nan_to_num(rows[ok]).T @ target[ok])
        return np.where(score >= np.median(score), rows, 0.0)

    changed_dataset(monkeypatch, select)


@leak(
    "model ridge",
    features={"include": ["market", "asset"]},
    models={"ridge": RIDGE | {"features": ["return_1", "return_12", "volatility_12"]}},
)
def choosing_the_features_of_a_model_by_all_targets(monkeypatch):
    def choose(data, names):
        rows, target = data.X.reshape(-1, data.X.shape[-1]), data.y.reshape(-1)
        ok = np.isfinite(target)
        score = np.abs(np.nan_to_num(rows[ok]).T @ target[ok])
        return np.sort(np.argsort(score)[-len(names) :])

    monkeypatch.setattr(dispatch, "find_columns", choose)


@leak("model ridge")
def principal_components_of_the_full_sample(monkeypatch):
    changed_dataset(monkeypatch, lambda rows, data: PCA(random_state=0).fit_transform(np.nan_to_num(rows)))


@leak("model ridge")
def the_target_among_the_features(monkeypatch):
    def insert(rows, data):
        rows = rows.copy()
        rows[:, 0] = data.y.reshape(-1)
        return rows

    changed_dataset(monkeypatch, insert)


@leak("model ridge")
def a_universe_of_survivors(monkeypatch):
    honest = compute.make_dataset

    def leaking(panel, *others):
        data = honest(panel, *others)
        return replace(data, usable=data.usable & panel.listed[-5:].any(axis=0))

    monkeypatch.setattr(compute, "make_dataset", leaking)


@leak("model ridge")
def tuning_on_the_test_window(monkeypatch):
    honest = compute.walk_model

    def leaking(name, section, data, schedule, *others, **more):
        walk = honest(name, section, data, schedule, *others, **more)
        raw = walk.raw.copy()
        for fold in schedule.folds:
            better = np.nansum(raw[fold.test] * data.y[fold.test]) > 0
            raw[fold.test] *= 1.0 if better else 0.5
        return replace(walk, raw=raw)

    monkeypatch.setattr(compute, "walk_model", leaking)


@leak("features")
def a_backward_fill(monkeypatch):
    changed_features(monkeypatch, lambda column: column.bfill())


@leak("features")
def a_rank_among_all_dates(monkeypatch):
    changed_features(monkeypatch, lambda column: column.rank(pct=True))


@leak("features")
def interpolated_holes(monkeypatch):
    changed_features(monkeypatch, lambda column: column.interpolate(limit_area="inside"))


@leak("features")
def dates_in_another_order(monkeypatch):
    changed_features(monkeypatch, lambda column: column.iloc[::-1].ewm(span=5).mean().iloc[::-1])


@leak("features", features={"include": ["market", "momentum_12_1", "centred_mean"]})
def a_centred_window(monkeypatch):
    @feature(stage="asset", lookback=3, unit="fraction")
    def centred_mean(returns):
        """Mean of the month before, this month and the month after."""
        after = np.vstack([returns[1:], returns[-1:]])
        return (np.vstack([returns[:1], returns[:-1]]) + returns + after) / 3


@leak("regimes")
def smoothed_regime_labels(monkeypatch):
    def leaking(X, folds, names, model, before=None, plan=None):
        path = walk_regimes(X, folds, names, model, plan=plan)
        smooth = pd.DataFrame(path.probabilities).rolling(5, center=True, min_periods=1).mean().to_numpy()
        return replace(path, probabilities=np.where(np.isfinite(path.probabilities), smooth, np.nan))

    monkeypatch.setattr(compute, "walk_regimes", leaking)


@leak("regimes")
def clusters_fitted_on_all_dates(monkeypatch):
    def leaking(X, folds, names, model, before=None, plan=None):
        path = walk_regimes(X, folds, names, model, plan=plan)
        probabilities, anomaly = clone(model).fit(X).predict_states(X)
        probabilities[: folds[0].test[0]] = np.nan
        return replace(path, probabilities=probabilities, anomaly=anomaly)

    monkeypatch.setattr(compute, "walk_regimes", leaking)


def changed_regime_forecast(monkeypatch, change):
    """Let `change` make the parts of the recorder's `add_fold` anew, and leave the regimes themselves as they are."""
    honest = ForecastRecorder.add_fold

    def leaking(recorder, fold, trained, after, step):
        honest(recorder, fold, *change(recorder, fold, trained, after, step))

    monkeypatch.setattr(ForecastRecorder, "add_fold", leaking)


@leak("regimes", regimes__kind="hmm", regimes__covariance="diagonal")
def a_regime_forecast_from_smoothed_states(monkeypatch):
    """Smooth the filtered states backward over the test rows and one horizon more (Kim 1994)."""

    def smoothed(recorder, fold, trained, after, step):
        later = after.copy()
        for t in range(len(after) - 2, -1, -1):
            later[t] = after[t] * (step @ (later[t + 1] / np.maximum(after[t] @ step, 1e-300)))
        return trained, later, step

    changed_regime_forecast(monkeypatch, smoothed)


@leak("regimes")
def transitions_counted_up_to_the_end_of_the_test_rows(monkeypatch):
    changed_regime_forecast(
        monkeypatch, lambda recorder, fold, trained, after, step: (np.vstack([trained, after]), after, step)
    )


@leak("labels")
def volatility_of_the_full_sample_in_the_target(monkeypatch):
    def leaking(panel, window, horizon):
        return np.where(panel.listed, np.nanstd(panel.returns, axis=0), np.nan)

    monkeypatch.setattr(timetable, "trailing_risk", leaking)


@leak("labels", target__horizon=3)
def a_label_that_claims_to_end_early(monkeypatch):
    honest = timetable.forward_excess_returns

    def leaking(panel, horizon, lag):
        labels = honest(panel, horizon, lag)
        return replace(labels, end=labels.end - 1)

    monkeypatch.setattr(timetable, "forward_excess_returns", leaking)


@leak("labels")
def a_label_that_holds_the_return_of_its_own_date(monkeypatch):
    honest = timetable.forward_excess_returns

    def leaking(panel, horizon, lag):
        labels = honest(panel, horizon, lag)
        value = np.where(np.isfinite(labels.value), panel.returns - panel.cash[:, None], np.nan)
        return replace(labels, value=value)

    monkeypatch.setattr(timetable, "forward_excess_returns", leaking)


@leak("schedule", target__horizon=3)
def overlapping_labels_without_a_purge(monkeypatch):
    honest = timetable.WalkForward

    def leaking(ends, **options):
        return honest(np.arange(len(ends)), **options)

    monkeypatch.setattr(timetable, "WalkForward", leaking)


@leak("schedule", walk_forward__embargo=3)
def an_embargo_that_is_one_too_short(monkeypatch):
    honest = timetable.WalkForward

    def leaking(ends, **options):
        options["embargo"] = max(options.get("embargo", 0) - 1, 0)
        return honest(ends, **options)

    monkeypatch.setattr(timetable, "WalkForward", leaking)


@leak("schedule")
def decisions_counted_from_the_end(monkeypatch):
    def leaking(n_dates, *, first, every):
        return np.arange(n_dates - 1, first - 1, -every)[::-1]

    monkeypatch.setattr(timetable, "list_decision_positions", leaking)


@leak("forecast ridge")
def calibration_on_labels_that_have_not_ended(monkeypatch):
    def leaking(walk, target, labels, **options):
        return calibrate(walk, target, replace(labels, end=np.arange(len(labels.end))), **options)

    monkeypatch.setattr(compute, "calibrate", leaking)


@leak("forecast ridge")
def calibration_by_the_slope_of_the_full_sample(monkeypatch):
    def leaking(walk, target, labels, **options):
        forecast = calibrate(walk, target, labels, **options)
        ok = np.isfinite(walk.raw) & np.isfinite(target.value)
        slope = (walk.raw[ok] * target.value[ok]).sum() / (walk.raw[ok] ** 2).sum()
        return replace(forecast, mean=forecast.raw * slope)

    monkeypatch.setattr(compute, "calibrate", leaking)


@leak("covariances")
def a_covariance_with_the_next_return(monkeypatch):
    honest = trading.covariance_path

    def leaking(excess, positions, **options):
        later = np.minimum(positions + 1, len(excess) - 1)
        path = honest(excess, np.unique(later), **options)
        at = np.searchsorted(path.positions, later)
        return replace(path, positions=positions, sigma=path.sigma[at], eligible=path.eligible[at])

    monkeypatch.setattr(trading, "covariance_path", leaking)


@leak("covariances")
def a_covariance_of_the_full_sample(monkeypatch):
    honest = trading.covariance_path

    def leaking(excess, positions, **options):
        path = honest(excess, positions, **options)
        sigma = np.cov(np.nan_to_num(excess).T)
        return replace(path, sigma=np.where(np.isfinite(path.sigma), sigma, np.nan))

    monkeypatch.setattr(trading, "covariance_path", leaking)


@leak("calibration covariances", calibration={"metric": "inverse_covariance"})
def a_calibration_in_a_covariance_with_the_next_return(monkeypatch):
    honest = trading.make_calibration_risk

    def leaking(panel, schedule, regimes, config):
        returns = np.vstack([panel.returns[1:], panel.returns[-1:]])
        return honest(replace(panel, returns=returns), schedule, regimes, config)

    monkeypatch.setattr(trading, "make_calibration_risk", leaking)


@leak("portfolio equal_weight", target__execution_lag=1)
def trading_at_the_price_that_made_the_signal(monkeypatch):
    honest = trading.simulate

    def leaking(*parts, execution_lag, **options):
        result = honest(*parts, execution_lag=execution_lag - 1, **options)
        return replace(
            result,
            **{
                name: getattr(result, name)[1:]
                for name in ("positions", "gross", "net", "cash_return", "weights", "cash_weight")
            },
        )

    monkeypatch.setattr(trading, "simulate", leaking)


@leak("portfolio equal_weight")
def earning_the_return_that_was_decided_on(monkeypatch):
    honest = trading.simulate

    def leaking(name, returns, cash, *others, **options):
        result = honest(name, returns, cash, *others, **options)
        earned = np.nan_to_num(returns[result.positions - 1])
        return replace(result, gross=(result.weights * earned).sum(axis=1) + result.cash_weight * 0)

    monkeypatch.setattr(trading, "simulate", leaking)


@leak("portfolio equal_weight")
def trades_that_cost_nothing(monkeypatch):
    from backtest.costs import TradingCost

    monkeypatch.setattr(TradingCost, "charge", lambda self, trades: 0.0)


@leak("data")
def prices_smoothed_over_neighbouring_dates(monkeypatch):
    honest = market.readers.prices.arrange_values

    def leaking(*parts, **options):
        grid = honest(*parts, **options)
        smooth = pd.DataFrame(grid.values).rolling(3, center=True, min_periods=1).mean().to_numpy()
        return replace(grid, values=np.where(np.isfinite(grid.values), smooth, np.nan))

    monkeypatch.setattr(market.readers.prices, "arrange_values", leaking)


@leak("data")
def returns_less_their_mean_over_all_dates(monkeypatch):
    honest = data_source.load_panel

    def leaking(*parts, **options):
        panel, findings = honest(*parts, **options)
        return replace(panel, returns=panel.returns - np.nanmean(panel.returns, axis=0)), findings

    monkeypatch.setattr(data_source, "load_panel", leaking)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_planted_leak_is_caught_and_its_stage_named(name, folder, monkeypatch, own_features):
    plant, stage, changes = CATALOGUE[name]
    plant(monkeypatch)
    certificate = audit(evaluated(small(folder, **changes)))
    assert not certificate.clean
    assert certificate.leaks[0].stage == stage, [str(found) for found in certificate.leaks]
    with pytest.raises(LeakError, match=stage):
        refuse(certificate)


def test_the_catalogue_holds_at_least_twenty_leaks():
    assert len(CATALOGUE) >= 20


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"target__horizon": 3, "target__execution_lag": 1, "walk_forward__embargo": 2},
        {"target__horizon": 3, "regimes__forecast": "logit", "regimes__kind": "hmm"},
        {"regimes__forecast": "lightgbm", "allocation__covariance": {"kind": "regime", "follow": "forecast"}},
        {"calibration": {"metric": "inverse_covariance"}},
        {
            "calibration": {"metric": "inverse_covariance"},
            "allocation__covariance": "factor",
        },
    ],
)
def test_an_honest_run_gets_a_certificate(folder, changes):
    done = evaluated(small(folder, **changes))
    certificate = audit(done)
    assert [str(found) for found in certificate.leaks] == []
    refuse(certificate)
    stage_lines = certificate.as_dict()
    assert stage_lines["verdict"] == "clean"
    assert stage_lines["record"]["data_hash"] == done.trained.prepared.panel.digest()
    assert json.loads(json.dumps(stage_lines)) == json.loads(json.dumps(audit(done).as_dict()))
    compared = {item["stage"]: item["values"] for item in stage_lines["checked"]}
    assert min(compared.values()) > 0
    assert {"data", "features", "labels", "schedule", "regimes", "covariances", "model ridge"} < set(compared)
    assert all(rule["checked"] > 0 for rule in stage_lines["rules"])


@pytest.mark.parametrize("layout", ["wide", "long, empty", "long"])
@pytest.mark.parametrize("listed", [143, 144, 147, 148])
def test_an_asset_that_is_listed_after_a_cut_is_no_leak(folder, layout, listed):
    """A file that ends earlier holds nothing of it, or its first price alone."""
    table = pd.read_csv(folder / "prices.csv", index_col=0)
    table.loc[table.index[:listed], table.columns[-1]] = np.nan
    table.loc[table.index[: listed - 20], table.columns[-2]] = np.nan
    if layout != "wide":
        table = table.stack(future_stack=True).rename_axis(["date", "asset"]).rename("price").reset_index()
        table = table if "empty" in layout else table.dropna()
    table.to_csv(folder / "prices.csv", index=layout == "wide")
    done = evaluated(small(folder))
    certificate = audit(done)
    assert min(cut["row"] for cut in certificate.as_dict()["cuts"]) < listed - 20
    assert [str(found) for found in certificate.leaks] == []


def long_file(folder, panel):
    """Write a panel with bars as a long CSV file of adjusted closes, bars and volume."""
    rows, columns = np.nonzero(np.isfinite(panel.close))
    table = pd.DataFrame(
        {"date": panel.dates[rows], "asset": np.array(panel.assets)[columns]}
        | {name: getattr(panel, name)[rows, columns] for name in ("open", "high", "low", "close", "volume")}
    )
    table.to_csv(folder / "prices.csv", index=False)


@pytest.mark.parametrize("kind", ["kmeans", "hmm", "jump"])
def test_no_shipped_feature_and_no_kind_of_regime_raises_an_alarm(tmp_path, kind):
    long_file(tmp_path, make_panel("monthly", n_dates=150, n_assets=6, seed=5, macro=False))
    include = ["asset", "bar", "market", "cross_section"] if kind == "kmeans" else ["market", "return_1"]
    # 25 dates are few for 233 features; what is tried is whether any of them looks ahead.
    fewest = {"walk_forward__min_train_dates": 25, "walk_forward__min_train_rows": 100}
    regimes = {"states": 2, "min_train": 60, "kind": kind}
    config = small(tmp_path, features={"include": include}, regimes=regimes, **fewest)
    certificate = audit(evaluated(config))
    assert [str(found) for found in certificate.leaks] == []


def zero_volumes(panel):
    """Single days and runs without trades, and an asset that never trades."""
    return with_volume(with_volume(panel, runs_of_zero_volume), lambda volume: volume[:, 3].fill(0.0))


def penny_stocks(panel):
    """Prices of a billionth, some bars without length, one asset whose price never moves."""
    return scaled(flat_bars(constant_prices(panel, slice(0, 1))), 1e-9, 1.0)


def incomplete_bars(panel):
    """Days without a bar, bars without some of their prices, days without a volume."""
    close = panel.close.copy()
    close[45:58, 0] = close[::7, 2] = np.nan
    return with_volume(gaps_in_bars(with_closes(panel, close)), gaps_in_volume)


@pytest.mark.parametrize("change", [zero_volumes, penny_stocks, incomplete_bars])
def test_no_shipped_feature_raises_an_alarm_on_zeros_constants_and_gaps(tmp_path, change):
    panel = change(
        make_panel("monthly", n_dates=150, n_assets=6, seed=5, macro=False, late=False, deaths=False)
    )
    long_file(tmp_path, panel)
    fewest = {"walk_forward__min_train_dates": 25, "walk_forward__min_train_rows": 100}
    config = small(tmp_path, features={"include": ["asset", "bar", "market", "cross_section"]}, **fewest)
    done = evaluated(config)
    assert {"CORR5", "KMID2", "illiquidity_ratio_20_60"} < set(done.trained.prepared.matrix.names)
    certificate = audit(done)
    assert [str(found) for found in certificate.leaks] == []
    assert certificate.verdict == "clean"


def add_closing_price():
    @feature(stage="bar", unit="price")
    def planted(close):
        """Adjusted closing price."""
        return close.copy()


def add_log_of_one_more():
    @feature(stage="bar", unit="log volume")
    def planted(volume):
        """Log of 1 + volume, as Qlib has it."""
        return np.log(volume + 1.0)


def add_money():
    @feature(stage="bar", unit="money")
    def planted(close, volume):
        """Money traded."""
        return close * volume


def add_large_days():
    @feature(stage="bar", unit="share")
    def planted(volume):
        """Whether at least 100,000 units were traded."""
        return np.where(np.isfinite(volume), volume >= 1e5, np.nan)


@pytest.mark.parametrize(
    ("add", "units"),
    [
        (add_closing_price, ["prices"]),
        (add_log_of_one_more, ["volumes"]),
        (add_money, ["prices", "volumes"]),
        (add_large_days, ["volumes"]),
    ],
)
@pytest.mark.parametrize("zeros", [False, True])
def test_a_feature_that_depends_on_a_unit_is_named_and_not_said_to_look_ahead(
    tmp_path, own_features, add, units, zeros
):
    """A later split restates prices and volumes before it: whoever uses their unit uses the future."""
    panel = make_panel("monthly", n_dates=150, n_assets=6, seed=5, macro=False)
    long_file(tmp_path, zero_volumes(panel) if zeros else panel)
    add()
    done = evaluated(small(tmp_path, features={"include": ["market", "return_1", "planted"]}))
    certificate = audit(done)
    assert [(found.kind, found.world, found.stage, found.where[0]) for found in certificate.leaks] == [
        ("unit", unit, "features", "planted") for unit in units
    ]
    assert certificate.as_dict()["verdict"] == "unit"
    with pytest.raises(UnitError) as refused:
        refuse(certificate)
    stage_lines = str(refused.value)
    assert stage_lines.startswith("a feature depends on the unit of prices or volumes")
    assert f"when past {units[0]} were stated in other units" in stage_lines
    assert "ratios of volumes of the same asset" in stage_lines
    assert "looked ahead" not in stage_lines


def test_volumes_without_bars_are_restated_too(tmp_path, own_features):
    panel = make_panel("monthly", n_dates=150, n_assets=6, seed=5, macro=False)
    rows, columns = np.nonzero(panel.listed)
    table = {"date": panel.dates[rows], "asset": np.array(panel.assets)[columns]}
    table |= {"return": panel.returns[rows, columns], "volume": panel.volume[rows, columns]}
    pd.DataFrame(table).to_csv(tmp_path / "prices.csv", index=False)
    add_large_days()
    features = {"include": ["market", "return_1", "planted"]}
    done = evaluated(small(tmp_path, features=features, data__values="returns"))
    assert not done.trained.prepared.panel.bars
    assert [(found.kind, found.world) for found in audit(done).leaks] == [("unit", "volumes")]


def test_a_feature_that_fails_in_another_unit_depends_on_it(tmp_path, own_features):
    @feature(stage="bar", unit="ratio")
    def planted(volume):
        """1 divided by the whole units of volume, which is infinite for less than one."""
        return np.where(np.isfinite(volume), 1.0 / np.floor(volume), np.nan)

    long_file(tmp_path, make_panel("monthly", n_dates=150, n_assets=6, seed=5, macro=False))
    done = evaluated(small(tmp_path, features={"include": ["market", "return_1", "planted"]}))
    (found,) = audit(done).leaks
    assert (found.kind, found.world) == ("unit", "volumes")
    assert "feature 'planted' is infinite for" in found.after


def volume_of_tomorrow(volume):
    """Volume of the row after, relative to the row's own."""
    return np.vstack([volume[1:], volume[-1:]]) / np.where(volume > 0, volume, np.nan)


def last_volume_above_zero_or_the_next(volume):
    """Volume relative to the nearest one above 0, later ones where there is none before."""
    traded = pd.DataFrame(np.where(volume > 0, volume, np.nan))
    return volume / traded.ffill().bfill().to_numpy()


def share_of_all_volume(volume):
    """Volume relative to its mean over all dates."""
    return volume / np.where(np.nansum(volume, axis=0) > 0, np.nansum(volume, axis=0), np.nan)


@pytest.mark.parametrize(
    "kernel", [volume_of_tomorrow, last_volume_above_zero_or_the_next, share_of_all_volume]
)
def test_a_leak_beside_zero_volumes_looks_ahead_and_is_no_matter_of_units(tmp_path, own_features, kernel):
    def zeros(volume):
        volume[:130:4] = 0.0
        volume[:120, 1] = 0.0

    panel = make_panel("monthly", n_dates=150, n_assets=6, seed=5, macro=False, late=False, holes=False)
    long_file(tmp_path, with_volume(panel, zeros))
    feature(stage="bar", rows=1, unit="ratio")(kernel)
    done = evaluated(small(tmp_path, features={"include": ["market", "return_1", kernel.__name__]}))
    certificate = audit(done)
    assert certificate.verdict == "leak"
    assert {found.kind for found in certificate.leaks} == {"look-ahead"}
    assert certificate.leaks[0].where[0] == kernel.__name__
    with pytest.raises(LeakError, match=f"something looked ahead.*{kernel.__name__}"):
        refuse(certificate)


def test_a_feature_that_is_falsely_declared_to_see_one_asset_is_named(folder, own_features):
    @feature(stage="asset", unit="fraction")
    def less_the_mean(returns):
        """Return less the mean over the assets, which belongs to stage cross_section."""
        return returns - np.nan_to_num(returns).mean(axis=1)[:, None]

    config = small(folder, features={"include": ["market", "momentum_12_1", "less_the_mean"]})
    with pytest.raises(
        FeatureError, match="'less_the_mean' of stage asset is declared to see one asset, but its"
    ):
        audit(evaluated(config))


def test_both_faults_are_named_the_look_ahead_first(tmp_path, own_features):
    @feature(stage="bar", rows=1, unit="units")
    def planted(volume):
        """Volume of the row after."""
        return np.vstack([volume[1:], volume[-1:]])

    long_file(tmp_path, make_panel("monthly", n_dates=150, n_assets=6, seed=5, macro=False))
    certificate = audit(evaluated(small(tmp_path, features={"include": ["market", "return_1", "planted"]})))
    assert certificate.verdict == "leak"
    with pytest.raises(
        LeakError, match=r"something looked ahead.*Also, a feature depends on the unit"
    ) as refused:
        refuse(certificate)
    assert not isinstance(refused.value, UnitError)


def test_macro_stamped_by_its_period_is_caught_and_late_releases_are_not(tmp_path, monkeypatch):
    content = small(tmp_path).model_dump(mode="json", exclude_none=True)
    content["data"] = {"source": "industries", "start": "1985-01-31", "end": "1998-12-31"}
    content["features"] = {"include": ["market", "macro", "return_1"]}
    content["walk_forward"]["first_test"], content["evaluation"]["start"] = "1994-01-31", "1995-01-31"
    config = RunConfig.model_validate(content)
    assert audit(evaluated(config)).clean

    def by_period(self, dates, statistic="level"):
        newest = self.observed_at.searchsorted(dates, side="right") - 1
        return (
            np.where(newest >= 0, self.values[newest], np.nan)
            if len(self.values)
            else np.full(len(dates), np.nan)
        )

    monkeypatch.setattr(MacroSeries, "at", by_period)
    content["output"] = str(tmp_path / "other")
    certificate = audit(evaluated(RunConfig.model_validate(content)))
    assert certificate.leaks[0].stage == "data"
    assert certificate.leaks[0].name in {"aaa_yield", "baa_yield", "core_cpi", "wti"}


def test_the_first_difference_is_named_by_date_column_and_asset(folder, monkeypatch, own_features):
    plant, _, changes = CATALOGUE["a_centred_window"]
    plant(monkeypatch)
    done = evaluated(small(folder, **changes))
    found = audit(done).leaks[0]
    panel = done.trained.prepared.panel
    cut = choose_cuts(done, 2)[0].row
    assert (found.stage, found.where[0], found.columns) == ("features", "centred_mean", ("centred_mean",))
    assert found.where[1] in panel.assets
    assert found.date == found.cut == f"{panel.dates[cut]:%Y-%m-%d}"
    assert found.date in str(found)


def test_a_replay_of_the_same_panel_gives_the_run_itself(folder):
    done = evaluated(small(folder))
    panel, config = done.trained.prepared.panel, done.trained.prepared.config
    run = {(item.stage, item.name): item for item in of_run(done)}
    again = []
    replay(config, panel, len(panel.dates) - 1, again.append, whole=True)
    assert [(item.stage, item.name) for item in again] == list(run)
    for item in again:
        assert item.digest() == run[item.stage, item.name].digest(), (item.stage, item.name)


def with_new_stage(monkeypatch, make):
    """Add a stage to the sequence, behind the forecasts, and leave the audit as it is."""
    honest = Sequence.train

    def train(self, prepared):
        trained = honest(self, prepared)
        self._stage("turbulence", lambda _: make(pd.DataFrame(prepared.panel.returns)))
        return trained

    monkeypatch.setattr(Sequence, "train", train)


@pytest.mark.parametrize(
    ("make", "leaks"),
    [
        (lambda returns: returns.rolling(12).std().to_numpy(), False),
        (lambda returns: {"slow": returns.cumsum().to_numpy(), "fast": returns[0].to_numpy()}, False),
        (lambda returns: returns.rolling(5, center=True).std().to_numpy(), True),
        (
            lambda returns: {
                "slow": returns.cumsum().to_numpy(),
                "fast": returns[0].bfill().to_numpy()[::-1],
            },
            True,
        ),
    ],
)
def test_a_new_stage_is_audited(folder, monkeypatch, make, leaks):
    with_new_stage(monkeypatch, make)
    certificate = audit(evaluated(small(folder)))
    assert {leak.stage for leak in certificate.leaks} == ({"turbulence"} if leaks else set())
    checked = {item["stage"]: item["values"] for item in certificate.checked}
    assert checked["turbulence"] > 0


def test_a_new_stage_of_unknown_dates_is_refused(folder, monkeypatch):
    with_new_stage(monkeypatch, lambda returns: returns.std().to_numpy())
    done = evaluated(small(folder))
    with pytest.raises(
        TypeError, match="stage 'turbulence' returns a ndarray, and the audit cannot tell when it was"
    ):
        audit(done)


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        ([1.0, 2.0], [1.0, 2.0], False),
        ([1.0, 0.0], [1.0, -0.0], True),
        ([1.0, np.nan], [1.0, -np.nan], False),
        ([1.0, np.nan], [1.0, 2.0], True),
        ([1.0, 2.0], [1.0, np.nextafter(2.0, 3.0)], True),
        ([1, 2], [1, 3], True),
        ([True, False], [True, True], True),
    ],
    ids=str,
)
@pytest.mark.parametrize("strided", [False, True])
def test_what_was_known_is_compared_bit_for_bit_and_missing_is_missing(before, after, differs, strided):
    def known(values):
        table = np.repeat(np.array(values)[:, None], 3, axis=1)
        return PointInTimeValue(
            "stage", "name", np.arange(2), table[:, :2] if strided else table[:, :2].copy(), (("x", "y"),)
        )

    dates = pd.date_range("2020-01-31", periods=2, freq="ME")
    leak = compare(known(before), known(after), 1, dates)
    assert (leak is not None) == differs
    assert compare(known(before), known(after), 0, dates) is None, "the second row was not known yet"


def test_whole_cuts_fall_on_refits_and_on_decisions_in_turn(folder):
    done = evaluated(small(folder, allocation__rebalance_every=5))
    schedule = done.trained.prepared.schedule
    cuts = choose_cuts(done, 4)
    whole = [cut.row for cut in cuts if cut.whole]
    assert len(whole) >= 3
    refitted, decided = [fold.test[0] for fold in schedule.folds], list(schedule.decisions)
    assert any(row in refitted for row in whole)
    assert any(row in decided for row in whole)
    assert all(row in refitted or row in decided for row in whole)
    assert [cut.row for cut in cuts if not cut.whole][-1] == len(done.trained.prepared.panel.dates) - 2


def test_an_evaluation_with_one_decision_is_cut_through_all_of_the_pipeline(folder):
    dates = pd.date_range("1990-01-31", periods=150, freq="ME")
    config = small(folder, evaluation__start=str(dates[140].date()))
    seldom = config.allocation.model_copy(update={"rebalance_every": 24})
    done = evaluated(config.model_copy(update={"allocation": seldom}))
    assert len(done.trained.prepared.schedule.decisions) == 1
    certificate = audit(done)
    assert certificate.clean
    assert any(cut["through"] == "portfolios" for cut in certificate.cuts)
    assert any(item["values"] for item in certificate.checked if item["stage"].startswith("portfolio"))


def test_an_evaluation_of_two_dates_leaves_nothing_to_compare_and_gets_no_certificate(folder):
    dates = pd.date_range("1990-01-31", periods=150, freq="ME")
    pipeline = pipeline_of(small(folder, evaluation__start=str(dates[148].date())))
    done = pipeline.evaluate(pipeline.train(pipeline.prepare()))
    certificate = audit(done)
    assert (certificate.cuts, certificate.leaks) == ((), ())
    assert {"data", "features", "model", "forecast", "portfolio"} <= set(certificate.not_compared)
    assert certificate.brief()["not_compared"] == list(certificate.not_compared)
    assert pipeline.certify(done) is None
    assert "too few dates to compare data" in pipeline.reporter.stage_lines["audit"]
