"""Random configurations for a search: strategies of hypothesis for every key of every section."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

from hypothesis import strategies as st
from pydantic import BaseModel
from search_panels import SMALL, SearchPanel

from pipeline.config import RunConfig
from pipeline.settings.allocation import AllocationSection
from pipeline.settings.models import CombinationModel, Fitted
from pipeline.settings.tuning import SpaceSection, TuningSection
from pipeline.strategies.registry import KINDS

Values = st.SearchStrategy[Any]


def _sections_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the sections that a type names, also as members of a union or values of a mapping or a tuple."""
    if _is_section(annotation):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections_in(part)]


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


SECTIONS = {
    name: _sections_in(field.annotation)[0]
    for name, field in AllocationSection.model_fields.items()
    if len(_sections_in(field.annotation)) == 1 and not _is_section(field.annotation)
}
"""Sections below a key of `allocation`, or below a name that the user chooses under it."""
INSIDE = {
    name: _sections_in(field.annotation)[0]
    for kind in KINDS.values()
    for name, field in kind.model_fields.items()
    if _sections_in(field.annotation)
}
"""Sections inside a strategy, by the key that they, or the names above them, stand under."""


_WHOLE = (*INSIDE, *SECTIONS, "tuning", "space", "cash", "market", "series", "tables")
"""Keys whose values are tried as a whole."""


def declared_keys() -> set[str]:
    """Return every key that a configuration may have, as dotted paths; kinds stand for the names that users choose."""
    keys = set(_fields(RunConfig, ""))
    for model in (*get_args(Fitted), CombinationModel):
        kind = get_args(model.model_fields["kind"].annotation)[0]
        keys |= set(_fields(model, f"models.{kind}."))
    keys |= set(_fields(TuningSection, "tuning.")) | set(_fields(SpaceSection, "space."))
    for name, section in SECTIONS.items():
        keys |= set(_fields(section, f"allocation.{name}."))
    for kind, section in KINDS.items():
        keys |= set(_fields(section, f"strategies.{kind}."))
    for name, section in INSIDE.items():
        keys |= set(_fields(section, f"{name}."))
    return keys


def _fields(section: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the keys of a section; those of a section inside it are yielded in its place."""
    for name, field in section.model_fields.items():
        inner = [kind for kind in (field.annotation, *get_args(field.annotation)) if _is_section(kind)]
        if len(inner) == 1 and name not in (
            *INSIDE,
            *SECTIONS,
            "tuning",
            "space",
            "cash",
            "market",
            "series",
            "tables",
        ):
            yield from _fields(inner[0], f"{prefix}{name}.")
        elif name != "kind" or len(get_args(field.annotation)) > 1:
            yield f"{prefix}{name}"


def some(*values: Any, wrong: tuple[Any, ...] = ()) -> Values:
    """Return a strategy of these values, and in one draw of thirty of a wrong one."""
    return st.sampled_from([*values * (-(-29 * len(wrong) // len(values)) or 1), *wrong])


def settings_of(panel: SearchPanel) -> dict[str, Values]:
    """Return what each key may be tried with on a panel: usual values, extreme ones, and some that are wrong."""
    folder = Path(panel.base["output"]).parent
    assets = st.sampled_from(panel.assets)
    several = st.lists(assets, min_size=1, max_size=4, unique=True)
    dates = st.sampled_from([str(day.date()) for day in panel.dates[:: max(1, len(panel.dates) // 40)]])
    share = some(0.0, 0.05, 0.3, 0.6, 1.0, wrong=(1.5, -0.2))
    rows = some(2, 5, 12, 24, 60, wrong=(1, 10_000, 0))
    every = some(1, 2, 4, 12, 50, 1000, wrong=(0,))
    portfolios = some(
        "equal_weight",
        "minimum_variance",
        "model:ridge",
        "no_forecast",
        "buy_and_hold",
        wrong=("other", "nothing"),
    )
    weights = st.dictionaries(assets, some(0.0, 0.1, 0.25, wrong=(1.0,)), min_size=1, max_size=4)
    models = some("ridge", wrong=("absent",))
    return (
        _run_keys(panel, dates, rows, every)
        | _model_keys()
        | _allocation_keys(folder, assets, several, share, rows, weights)
        | _strategy_keys(panel, assets, several, share, portfolios, weights, models, dates)
    )


def _reading_keys() -> dict[str, Values]:
    return {
        "data.scale": some(None, wrong=("percent", "promille")),
        "data.asset_column": some(None, wrong=("asset", "absent")),
        "data.price_column": some(None, wrong=("price", "absent")),
        "data.duplicate_rows": some("refuse", "first", "last", wrong=("mean",)),
        "data.skip_rows": some(None, wrong=(0, 3, -1)),
        "data.table": some(None, wrong=(1, 2, 0)),
        "data.decimal": some(None, ".", wrong=(",", ";")),
        "data.date_format": some(None, wrong=("%Y-%m-%d", "%d/%m/%Y", "%Q", "excel")),
        "data.na_values": st.lists(some("S", -999, wrong=(0.5,)), max_size=2),
    }


def _run_keys(panel: SearchPanel, dates: Values, rows: Values, every: Values) -> dict[str, Values]:
    names = (*panel.assets, panel.cash, panel.market, "absent")
    columns = some(*[name for name in names if name])
    own_cash, own_market = (st.just(panel.base["data"].get(role)) for role in ("cash", "market"))
    kinds = some("prices", "returns", "percent_returns", "annual_rate", "annual_percent", wrong=("price",))
    n = len(panel.dates)
    early, middle, late = (
        st.sampled_from([str(day.date()) for day in panel.dates[a:b:7]])
        for a, b in ((0, n // 8), (n // 2, 2 * n // 3), (2 * n // 3, n))
    )
    stages = st.lists(
        some(
            *SMALL,
            "market",
            "asset",
            "cross_section",
            "macro",
            "bar",
            "market_volatility_12",
            wrong=("typo",),
        ),
        min_size=1,
        max_size=4,
    )
    folder = Path(panel.base["data"]["path"]).parent
    return {
        "name": some("search", "other-name", wrong=("", "a b", "x" * 61)),
        "data.source": some("prices", wrong=("industries", "nowhere")),
        "data.path": some(panel.base["data"]["path"], wrong=("absent.csv", None)),
        **_place_keys(),
        "data.layout": some(None, wrong=("wide", "long")),
        "data.values": some(panel.base["data"].get("values", "prices"), wrong=("prices", "returns")),
        "data.date_column": some(None, "date", wrong=("day",)),
        "data.cash": st.one_of(own_cash, own_cash, own_cash, columns, _section_of(columns, kinds)),
        "data.market": st.one_of(own_market, own_market, columns, _section_of(columns, kinds)),
        "data.calendar": st.one_of(st.none(), st.just("weekdays"), columns),
        "data.sessions": some(None, None, "UTC", wrong=("Mars/Base",)),
        "data.frequency": some(None, None, "weekly", "monthly", wrong=("yearly",)),
        "data.running_period": some(None, "keep", "drop", wrong=("last",)),
        **_reading_keys(),
        "data.traded": some(
            None, "close", {"path": panel.base["data"]["path"]}, wrong=({"path": "absent.csv"},)
        ),
        "data.universe.path": some(str(folder / "universe.csv"), wrong=("absent.csv",)),
        "data.universe.delistings": some(None, str(folder / "gone.csv"), wrong=("absent.csv",)),
        "data.series": _own_data(
            folder / "activity.csv",
            some("level", "change_6", "zscore_24", "age", "interaction_24", wrong=("mean",)),
        ),
        "data.tables": _own_data(
            folder / "scores.csv",
            some("level", "change_12", "rank", wrong=("interaction_24",)),
            max_age="3 years",
        ),
        "data.start": st.one_of(st.none(), early),
        "data.end": st.one_of(st.none(), late),
        "features.include": stages.map(lambda names: [*names, "market_volatility_12", "market_return_12"]),
        "features.exclude": st.lists(some(*SMALL, "market", wrong=("asset", "typo")), max_size=2),
        "target.horizon": rows,
        "target.execution_lag": some(0, 1, 3, 50, wrong=(-1,)),
        "target.relative": some(True, False),
        "target.risk_window": rows,
        "walk_forward.first_test": st.one_of(middle, middle, middle, dates),
        "walk_forward.refit_every": every,
        "walk_forward.window": st.one_of(st.none(), rows),
        "walk_forward.embargo": some(0, 1, 12, wrong=(5000,)),
        "walk_forward.train_every": every,
        "walk_forward.weights": some("equal", "dates", "uniqueness"),
        "walk_forward.min_train_dates": some(None, 1, 20, wrong=(0, 10_000)),
        "walk_forward.min_train_rows": some(None, 1, 40, wrong=(0, 1_000_000)),
        "regimes.kind": some("kmeans", "hmm", "jump"),
        "regimes.states": some(2, 3, 6, 12, wrong=(1,)),
        "regimes.features": some(
            ["market_return_12"], ["market_volatility_12"], wrong=(["return_1"], ["absent"])
        ),
        "regimes.min_train": rows,
        "regimes.refit_every": every,
        "regimes.covariance": some(None, wrong=("full", "diagonal")),
        "regimes.jump_penalty": some(None, wrong=(0.0, 10.0, 1e6)),
        "regimes.forecast": some("transitions", "logit", "lightgbm"),
        "models": some(None),
        "strategies": some(None),
        "calibration.prior_periods": some(0.0, 36.0, 1e6, wrong=(-1.0,)),
        "calibration.metric": some("risk", "return", "inverse_covariance"),
        "calibration.own_mean_weight": some(0.0, 0.2, 1.0, wrong=(1.2,)),
        "cost_rate": some(0.0, 0.001, 0.05, 0.49, wrong=(0.5,)),
        "impact_rate": some(0.0, 0.01, 0.1, 0.49, wrong=(-0.1,)),
        "evaluation.start": st.one_of(late, late, late, dates),
        "evaluation.holdout": st.one_of(st.none(), late, dates),
        "evaluation.benchmarks": some(
            [],
            ["no_forecast", "market"],
            ["model:ridge", "buy_and_hold"],
            wrong=(["weather"], ["market", "market"]),
        ),
        "audit.cuts": some(0, 1, 2),
        "drift.window": st.one_of(st.none(), rows),
        "drift.psi_limit": some(0.0, 0.25),
        "drift.false_discovery": some(0.05, 0.5, wrong=(0.0,)),
        "drift.false_alarm": some(0.1, 0.5),
        "drift.retrain_on": some([], ["features"], ["volatility", "costs"], wrong=(["weather"],)),
        "drift.shifted_importance": some(0.0, 0.2, 1.0),
        "gate.certificate": some(True, False),
        "gate.worse_at": some(0.05, 0.4, wrong=(0.5,)),
        "gate.margin": some(0.0, 0.1),
        "gate.minimum_dates": some(1, 12, wrong=(0,)),
        "gate.drift": some([], ["features"]),
        "gate.turnover": some(None, 1.0, wrong=(0.0,)),
        "schedule.cron": some("0 6 1 * *", "0 6 * * MON-FRI", wrong=("never", "* * *")),
        "schedule.timezone": some("UTC", "Europe/Zurich", wrong=("Mars/North",)),
        "schedule.retries": some(0, 3, wrong=(1000,)),
        "schedule.backoff_seconds": some(300.0, wrong=(0.0,)),
        "schedule.lease_seconds": some(600.0, wrong=(0.5,)),
        "schedule.time_limit_seconds": some(86_400.0, wrong=(0.0,)),
        "seed": some(0, 7, 2**31 - 1, wrong=(-1,)),
        "executor": some("threads", wrong=("loky!", "dask://nowhere")),
        "workers": some(None, 1, 2, wrong=(0,)),
        "output": some(panel.base["output"]),
    }


def _own_data(path: Path, features: Values, **given: str) -> Values:
    """Return a strategy of series or tables of a file, mostly none."""
    clock = some({"lag": "1 month"}, {"lag": "20 days"}, wrong=({}, {"lag": "soon"}, {"known_at": "absent"}))
    entry = st.builds(
        lambda clock, features: {"path": str(path), **given, **clock, "features": features},
        clock,
        st.lists(features, min_size=1, max_size=3, unique=True),
    )
    return st.one_of(st.just({}), st.just({}), st.dictionaries(st.just("own"), entry, max_size=1))


def _section_of(columns: Values, kinds: Values) -> Values:
    """Return a strategy of mappings that say which column it is, and what it holds."""
    return st.fixed_dictionaries({"column": columns, "values": kinds})


def _place_keys() -> dict[str, Values]:
    """Return the keys that name another place of the data than a path; each beside the path is a mistake."""
    return {
        "data.sheet": some(None, wrong=("Sheet1",)),
        "data.load": some(None, wrong=("absent_module:load", "no function")),
        "data.url": some(None, wrong=("http://localhost:1/prices.csv", "prices")),
        "data.sql.url": some("sqlite:///absent.db", wrong=("postgresql://user:password@localhost:1/prices",)),
        "data.sql.query": some("select * from prices"),
        "data.duckdb.query": some("select * from prices"),
        "data.duckdb.database": some(None, "absent.duckdb"),
        "data.fred.series": some(["SP500"]),
        "data.fred.vintages": some(False, True),
        "data.fred.start": some(None, "2000-01-01"),
        "data.yfinance.tickers": some(["SPY"]),
        "data.yfinance.start": some(None, "2000-01-01"),
        "data.fetch.when_offline": some("use_cache", "refuse"),
        "data.fetch.timeout_seconds": some(5.0, 30.0, wrong=(0.0,)),
        "data.fetch.attempts": some(1, 4, wrong=(0,)),
        "data.fetch.max_megabytes": some(100.0, wrong=(-1.0,)),
    }


def _model_keys() -> dict[str, Values]:
    common: dict[str, Values] = {"refit_every": some(None, 6, 24, wrong=(0,)), "tuning": some(None)}
    none = common | {"features": some(None, wrong=(["return_1"], []))}
    common |= {
        "features": some(
            None,
            ["return_1", "volatility_12"],
            wrong=(["return_1", "return_1"], ["absent"], ["return_60"], []),
        )
    }
    linear = common | {"inner_splits": some(1, 2, 4, 30), "half_life": some(None, 12, 60, wrong=(3,))}
    penalised = linear | {"selection": some("past", "nested"), "n_penalties": some(1, 2, 6, wrong=(0,))}
    combine = {"discount": some(0.9, 1.0, wrong=(0.0,))}
    by_kind: dict[str, dict[str, Values]] = {
        "zero": none,
        "mean": none,
        "ridge": penalised,
        "lasso": penalised,
        "elastic_net": penalised | {"l1_ratio": some(0.1, 0.5, 0.99, wrong=(1.0,))},
        "univariate": linear | combine | {"combine": some("mean", "median", "trimmed", "dmspe")},
        "lightgbm": common
        | {
            "selection": some("past", "nested"),
            "inner_splits": some(1, 2, 30),
            "max_trees": some(1, 5, 20),
            "learning_rate": some(0.02, 1.0, wrong=(0.0,)),
            "num_leaves": some(2, 12, wrong=(1,)),
            "min_rows_in_leaf": some(1, 30, 1_000_000),
            "feature_fraction": some(0.15, 1.0, wrong=(0.0,)),
            "row_fraction": some(0.1, 0.7, 1.0),
            "l2": some(0.0, 10.0, wrong=(-1.0,)),
            "max_bin": some(2, 31, 255, wrong=(1,)),
            "rebin": some(0.1, 0.3, 1.0),
        },
        "combination": combine
        | {
            "members": some(["ridge"], wrong=(["ridge", "ridge"], ["absent"], [])),
            "method": some("mean", "median", "trimmed", "dmspe", "learned"),
            "prior_deviation": some(None, wrong=(0.0, 1.0, 101.0)),
        },
    }
    keys = {f"models.{kind}.{key}": values for kind, keys in by_kind.items() for key, values in keys.items()}
    space = {
        "space.low": some(1, 2, wrong=(None, 50)),
        "space.high": some(4, 30, wrong=(None, 0)),
        "space.log": some(True, False),
        "space.points": some(None, wrong=(2, 3)),
        "space.choices": some(None, wrong=([2, 4], ["a"], [])),
    }
    tuning = {
        "tuning.search": some("tpe", "random", "grid"),
        "tuning.trials": some(2, 3, wrong=(1,)),
        "tuning.every": some(None, 24, wrong=(5,)),
        "tuning.splits": some(1, 2, 60),
        "tuning.pruning": some("median", "hyperband", "none"),
        "tuning.space": some(None),
    }
    return keys | space | tuning


def _allocation_keys(
    folder: Path, assets: Values, several: Values, share: Values, rows: Values, weights: Values
) -> dict[str, Values]:
    limit = some(None, 0.02, 0.1, 0.5, 2.0, wrong=(0.0, -1.0))
    kinds = [
        "ledoit_wolf",
        "constant_correlation",
        "nonlinear",
        "oas",
        "sample",
        "ewma",
        "factor",
        "denoised",
        "regime",
    ]
    named = {
        "groups": {"assets": several, "minimum": share, "maximum": share},
        "overrides": {"minimum": share, "maximum": share},
        "linear": {
            "coefficients": st.dictionaries(assets, some(0.0, 1.0, 50.0, -3.0), min_size=1, max_size=3),
            "minimum": some(-1.0, 0.1, wrong=(None, 40.0)),
            "maximum": some(None, 0.5, 60.0),
        },
        "esg": {
            "path": some(str(folder / "scores.csv"), wrong=("absent.csv",)),
            "max_age_days": some(400, 900, wrong=(10, 0)),
            "lag_days": some(30, 365, wrong=(None, -1)),
            "date_column": some("date", wrong=("absent",)),
            "score_column": some(None, "score", wrong=("absent",)),
            "missing": some("exclude", "mean", "worst", 50.0),
            "exclude_below": some(None, 30.0, wrong=(89.0, 200.0)),
            "floor": some(None, 40.0, wrong=(60.0, 1000.0)),
            "tilt": some(0.0, 0.001, 1.0),
        },
        "positions": {
            "maximum": some(1, 2, 3, 99, wrong=(0,)),
            "minimum_weight": some(0.0, 0.1, wrong=(0.6, 1.0)),
        },
    }
    nested = {
        f"allocation.{name}.{key}": values for name, keys in named.items() for key, values in keys.items()
    }
    return nested | {
        "allocation.forecast": some("ridge", wrong=("absent",)),
        "allocation.strategy": some("traded", wrong=(None, "absent")),
        "allocation.risk_aversion": some(0.01, 1.0, 5.0, 500.0, wrong=(0.0,)),
        "allocation.active_risk_aversion": some(None, 0.0, 5.0, 300.0, wrong=(-1.0,)),
        "allocation.l2_penalty": some(0.0, 0.5, 1.0, 50.0, wrong=(-0.1,)),
        "allocation.rebalance_every": some(
            1, 2, 12, 10_000, "weekly", "month_end", "quarter_end", wrong=(0, "yearly")
        ),
        "allocation.covariance_window": rows,
        "allocation.min_history": rows,
        "allocation.covariance.kind": some(*kinds),
        "allocation.covariance.half_life": some(None, wrong=(20.0, 0.0)),
        "allocation.covariance.factors": some(None, wrong=(0, 1, 50)),
        "allocation.covariance.prior_rows": some(None, wrong=(0.0, 10.0)),
        "allocation.covariance.follow": some(None, wrong=("current", "forecast")),
        "allocation.minimum": some(0.0, -0.3, 0.1, wrong=(0.5, 2.0)),
        "allocation.maximum": some(0.3, 0.6, 1.0, wrong=(0.1, -1.0)),
        "allocation.overrides": st.dictionaries(
            assets, _section("overrides", named["overrides"]), max_size=2
        ),
        "allocation.groups": st.dictionaries(
            some("first", "second"), _section("groups", named["groups"]), max_size=2
        ),
        "allocation.linear": st.dictionaries(
            some("first", "second"), _section("linear", named["linear"]), max_size=1
        ),
        "allocation.turnover": limit,
        "allocation.leverage": some(None, 1.0, 1.5, wrong=(0.2,)),
        "allocation.annual_volatility": limit,
        "allocation.annual_tracking_error": limit,
        "allocation.benchmark": weights,
        "allocation.cash_minimum": some(0.0, 0.05, wrong=(0.5, 1.0, -0.5)),
        "allocation.cash_maximum": some(0.1, 1.0, wrong=(0.0, -0.1)),
        "allocation.cost_periods": some(0.5, 2.0, 1e6, wrong=(0.0,)),
        "allocation.on_infeasible": some("stop", "hold", "relax"),
        "allocation.relax": some(
            ["groups", "maximum", "minimum", "overrides", "cash"], wrong=(["groups"], [])
        ),
        "allocation.esg": _section("esg", named["esg"] | {"lag_days": some(30)}).map(_with_a_use),
        "allocation.positions": _section("positions", named["positions"]),
    }


def _strategy_keys(
    panel: SearchPanel,
    assets: Values,
    several: Values,
    share: Values,
    portfolios: Values,
    weights: Values,
    models: Values,
    dates: Values,
) -> dict[str, Values]:
    inside: dict[str, dict[str, Values]] = {
        "rebalance": {
            "every": some(1, 3, 1000, wrong=(0,)),
            "absolute": some(None, 0.02, 0.2),
            "relative": some(None, 0.1, 1.0),
            "to": some("target", "edge"),
        },
        "unsmooth": {"assets": several, "method": some("geltner", "glm"), "lags": some(1, 2, 12)},
        "classes": {
            "target": some(0.2, 0.5, wrong=(1.5,)),
            "assets": several,
            "maximum_trade": some(None, 0.01, 1.0),
        },
        "views": {
            "long": several,
            "short": st.one_of(st.just([]), several),
            "annual_return": some(-0.1, 0.05, 5.0),
            "confidence": some(None, 0.0, 0.5, 1.0),
            "first": dates,
            "last": st.one_of(st.none(), dates),
        },
    }
    first = some([panel.assets[0]])
    rebalance, unsmooth = (
        _section("rebalance", inside["rebalance"]),
        st.one_of(st.none(), _section("unsmooth", inside["unsmooth"])),
    )
    overlay = {"base": portfolios, "minimum_change": some(0.0, 0.05)}
    by_kind: dict[str, dict[str, Values]] = {
        "strategic": {
            "weights": weights,
            "rebalance": rebalance,
            "sleeves": st.dictionaries(some("first", "second"), several, max_size=2),
        },
        "sixty_forty": {
            "stocks": first,
            "bonds": some([panel.assets[1]], wrong=([panel.assets[0]],)),
            "share": share,
            "rebalance": rebalance,
        },
        "permanent": {
            "stocks": first,
            "bonds": some([panel.assets[1]]),
            "gold": some([panel.assets[2]]),
            "cash": some([], [panel.assets[3]], wrong=([panel.assets[1]],)),
            "rebalance": rebalance,
        },
        "all_weather": dict.fromkeys(
            ("rising_growth", "falling_growth", "rising_inflation", "falling_inflation"), several
        )
        | {"unsmooth": unsmooth},
        "endowment": {
            "classes": st.fixed_dictionaries(
                {"first": _section("classes", inside["classes"] | {"assets": first})},
                optional={
                    "second": _section("classes", inside["classes"] | {"assets": some([panel.assets[2]])})
                },
            ),
            "rebalance": rebalance,
        },
        "mean_variance": {"forecast": models, "risk_aversion": some(None, 1.0, 100.0)},
        "regime_mixture": {
            "follow": some("forecast", "current"),
            "prior_rows": some(None, 0.0, 10.0),
            "risk_aversion": some(None, 1.0, 100.0),
        },
        "risk_parity": {"budgets": st.one_of(st.none(), weights)},
        "hierarchical_risk_parity": {"linkage": some("single", "average", "complete", "ward")},
        "maximum_diversification": {},
        "maximum_sharpe": {"forecast": models},
        "cvar": {"level": some(0.5, 0.9, 0.99, wrong=(1.0,))},
        "kelly": {"fraction": some(0.1, 0.5, 1.0, wrong=(0.0,))},
        "black_litterman": {
            "forecast": st.one_of(st.none(), models),
            "views": st.lists(_section("views", inside["views"]), max_size=2),
            "market": st.one_of(st.none(), weights),
            "tau": some(0.01, 0.05, 10.0, wrong=(0.0,)),
            "prior_periods": some(0.0, 36.0),
        },
        "aim": {
            "forecast": models,
            "typical_trade": some(0.001, 0.05, 1.0, wrong=(0.0,)),
            "decay": some(None, 0.0, 0.5, 1.0),
            "discount": some(0.0, 0.5, wrong=(1.0,)),
        },
        "tactical": {
            "strategic": portfolios,
            "forecast": models,
            "deviation": some(0.0, 0.05, 1.0),
            "relative": some(None, 0.2),
            "cash": some(0.0, 0.1, 1.0),
            "turnover": some(None, 0.0, 0.2),
            "annual_tracking_error": some(None, 0.001, 0.02),
            "risk_aversion": some(None, 2.0),
        },
        "core_satellite": {
            "core": portfolios,
            "satellite": portfolios,
            "share": share,
            "rebalance": rebalance,
        },
        "regime": {
            "portfolios": st.lists(portfolios, min_size=2, max_size=2),
            "how": some("switch", "mix"),
            "follow": some("current", "forecast"),
            "rebalance": rebalance,
        },
        "volatility_target": overlay
        | {"volatility": some(0.01, 0.1, 1.0), "maximum_leverage": some(1.0, 3.0), "unsmooth": unsmooth},
        "drawdown_control": overlay
        | {
            "floor": some(0.0, 0.8, 0.99),
            "of": some("peak", "start"),
            "multiplier": some(0.5, 4.0, 100.0),
            "minimum": some(0.0, 0.5),
            "maximum": some(0.3, 1.0, 2.0),
        },
    }
    limits = some([], ["maximum"], ["maximum", "turnover"], ["maximum", "groups", "cash"], wrong=(["typo"],))
    by_kind = {kind: keys | {"exempt": limits} for kind, keys in by_kind.items()}
    keys = {
        f"strategies.{kind}.{key}": value for kind, keys in by_kind.items() for key, value in keys.items()
    }
    return keys | {f"{name}.{key}": value for name, keys in inside.items() for key, value in keys.items()}


def _section(name: str, keys: dict[str, Values]) -> Values:
    """Return a strategy of one of the small sections: with what it must have, and some of the other keys."""
    return _with_required((SECTIONS | INSIDE)[name], keys)


def _with_required(section: type[BaseModel], keys: dict[str, Values], **fixed: Values) -> Values:
    """Return a strategy of mappings with the required keys of a section and some of the others."""
    needed = {name for name, field in section.model_fields.items() if field.is_required()}
    must = {name: values for name, values in keys.items() if name in needed}
    return st.fixed_dictionaries(
        must | fixed, optional={name: values for name, values in keys.items() if name not in needed}
    )


@st.composite
def configurations(draw: st.DrawFn, panel: SearchPanel) -> dict[str, Any]:
    """Draw a configuration: the panel's own, some models and strategies, and some keys with other values."""
    table = settings_of(panel)
    content = deepcopy(panel.base)
    plain = [key for key in table if key.split(".")[0] in RunConfig.model_fields and key.count(".") < 2]
    plain += [
        key
        for key in table
        if key.startswith(("allocation.covariance.", "data.cash.", "data.market.", "data.universe."))
    ]
    for key in draw(st.lists(st.sampled_from(plain), max_size=5, unique=True)):
        _put(content, key, draw(table[key]))
    if "schedule" in content:
        content["schedule"].setdefault("cron", "0 6 1 * *")
    for kind in draw(st.lists(st.sampled_from(_kinds(table, "models")), max_size=2, unique=True)):
        content["models"][kind] = draw(_of_kind(table, "models", kind, tuned=True))
    for place, kind in enumerate(draw(st.lists(st.sampled_from(_kinds(table, "strategies")), max_size=2))):
        name = ("traded", "other")[place]
        content.setdefault("strategies", {})[name] = draw(_of_kind(table, "strategies", kind))
    return content


def _kinds(table: dict[str, Values], key: str) -> list[str]:
    """Return the kinds of models or strategies."""
    return sorted(
        {path.split(".")[1] for path in table if path.startswith(f"{key}.") and path.count(".") == 2}
    )


def _of_kind(table: dict[str, Values], key: str, kind: str, *, tuned: bool = False) -> Values:
    """Return a strategy of sections of one kind; one in four has a search for its settings."""
    prefix = f"{key}.{kind}."
    keys = {path.removeprefix(prefix): values for path, values in table.items() if path.startswith(prefix)}
    if tuned and "tuning" in keys:
        keys["tuning"] = st.one_of(st.none(), st.none(), st.none(), _tuning(table, list(keys)))
    models = {
        get_args(m.model_fields["kind"].annotation)[0]: m for m in (*get_args(Fitted), CombinationModel)
    }
    return _with_required((KINDS if key == "strategies" else models)[kind], keys, kind=st.just(kind))


def _with_a_use(scores: dict[str, Any]) -> dict[str, Any]:
    """Return a section of scores that does something with them."""
    used = any(scores.get(key) for key in ("exclude_below", "floor", "tilt"))
    return scores if used else scores | {"tilt": 0.001}


def _tuning(table: dict[str, Values], names: list[str]) -> Values:
    """Return a strategy of searches over some settings of a model."""
    entry = st.fixed_dictionaries(
        {"low": table["space.low"], "high": table["space.high"]},
        optional={key: table[f"space.{key}"] for key in ("log", "points", "choices")},
    )
    keys = {key.removeprefix("tuning."): v for key, v in table.items() if key.startswith("tuning.")}
    space = st.dictionaries(some(*names, wrong=("absent",)), entry, min_size=1, max_size=2)
    own = {"trials": keys.pop("trials"), "space": space}
    return st.fixed_dictionaries(own, optional={k: v for k, v in keys.items() if k != "space"})


def _put(content: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key, unless the value is what stands for no change of a whole section."""
    *path, last = key.split(".")
    if key in ("models", "strategies"):
        return
    section = content
    for part in path:
        inner = section.setdefault(part, {})
        section = inner if isinstance(inner, dict) else section
    section[last] = value
