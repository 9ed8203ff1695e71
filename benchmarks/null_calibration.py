"""Null calibration and power: frequency of the verdict "skill" without and with skill.

Run with `.venv/bin/python benchmarks/null_calibration.py [PANELS [PROCESSES [PART]]]`: 200 panels on two cores take
about forty minutes; PART is null, small or large.

Each panel simulates a researcher who tries three configurations one after another under one name: the combination of
ridge, lasso and tuned trees, then ridge, then the trees. The researcher believes the best verdict: either at the end,
when all three trials count, or at any time, when a verdict counts only earlier trials.

Null: returns without predictability, 12 assets x 300 months, in four kinds: normal; Student's t with 4 degrees of
freedom; GARCH(1,1); three common factors with fat tails. Power: the same with a planted signal, in which a fraction R2
of the variance of next month's idiosyncratic return is last month's return with the opposite sign. An oracle forecasts
with the true model; its forecasts pass through the same calibration, allocator, costs and verdict.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from market.panel import Panel
from pipeline.chains.ledger import Ledger
from pipeline.config import RunConfig
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.stages import compute
from pipeline.stages.results import Trained
from pipeline.store import Store
from pipeline.verdict.evidence import judge
from pipeline.verdict.reasons import SKILL, WORSE
from pipeline.verdict.trial import describe_trial
from validation.forecasts.scores import hac_mean
from validation.portfolios.certainty_equivalent import certainty_equivalent_gain

KINDS = ("normal", "fat-tailed", "GARCH", "common factors")
SMALL, LARGE = (300, 12), (480, 40)
"""Months and assets. With more training rows, models come closer to the oracle."""
R2 = {SMALL: (0.0025, 0.005, 0.01, 0.02), LARGE: (0.0025, 0.005)}
Size = tuple[int, int]


def shocks(kind: str, rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    """Return unit-variance shocks of shape (n, k), independent over time except for their volatility."""
    if kind == "normal":
        return rng.normal(size=(n, k))
    if kind != "GARCH":
        return rng.standard_t(4, size=(n, k)) / sqrt(2)
    z, out, variance = rng.normal(size=(n + 100, k)), np.zeros((n + 100, k)), np.ones(k)
    for t in range(1, n + 100):
        variance = 0.05 + 0.15 * out[t - 1] ** 2 + 0.80 * variance
        out[t] = np.sqrt(variance) * z[t]
    return out[100:]


def make(kind: str, seed: int, r2: float = 0.0, size: Size = SMALL) -> tuple[Panel, np.ndarray]:
    """Return a panel, and the true expected next return of each asset beyond its mean, (T, N)."""
    n_dates, n_assets = size
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    n_factors = 3 if kind == "common factors" else 1
    factors = shocks(kind, rng, n_dates, n_factors) * 0.04 / sqrt(n_factors)
    loading = rng.uniform(0.6, 1.4, (n_factors, n_assets))
    scale = rng.uniform(0.03, 0.06, n_assets)
    own, noise = np.zeros((n_dates, n_assets)), shocks(kind, rng, n_dates, n_assets)
    for t in range(n_dates):
        before = own[t - 1] if t else 0.0
        own[t] = -sqrt(r2) * before + sqrt(1 - r2) * noise[t]
    returns = np.clip(0.006 + factors @ loading + own * scale, -0.9, None)
    dates = pd.date_range("1980-01-31", periods=n_dates, freq="ME")
    assets = tuple(f"A{i:02d}" for i in range(n_assets))
    market, cash = returns.mean(axis=1), np.full(n_dates, 0.002)
    return Panel(kind, dates, assets, returns, cash, market, 12), -sqrt(r2) * own * scale


def configuration(folder: Path, traded: str, dates: pd.DatetimeIndex) -> RunConfig:
    first = len(dates) * 9 // 25
    trees = {"kind": "lightgbm", "max_trees": 60, "min_rows_in_leaf": 50}
    search = {
        "trials": 12,
        "splits": 2,
        "every": 96,
        "space": {"num_leaves": {"low": 3, "high": 31, "log": True}},
    }
    return RunConfig.model_validate(
        {
            "name": "researcher",
            "data": {"source": "industries"},
            "features": {"include": ["asset", "market", "cross_section"]},
            "target": {"horizon": 1, "execution_lag": 0, "relative": True, "risk_window": 24},
            "walk_forward": {"first_test": str(dates[first].date()), "refit_every": 12},
            "regimes": {
                "states": 2,
                "min_train": 60,
                "features": ["market_volatility_12", "market_return_12"],
            },
            "models": {
                "ridge": {"kind": "ridge"},
                "lasso": {"kind": "lasso"},
                "trees": trees | {"tuning": search},
                "both": {"kind": "combination", "members": ["ridge", "lasso", "trees"]},
            },
            "allocation": {
                "forecast": traded,
                "rebalance_every": 1,
                "covariance_window": 120,
                "min_history": 36,
                "maximum": 0.4,
            },
            "cost_rate": 0.001,
            "evaluation": {"start": str(dates[first + 24].date())},
            "audit": {"cuts": 0},
            "workers": 1,
            "output": str(folder / "runs"),
        }
    )


def with_oracle(trained: Trained, truth: np.ndarray) -> Trained:
    """Return the run with the true expectation as one more model, in the target's unit."""
    schedule = trained.prepared.schedule
    ridge = trained.walks["ridge"]
    expected = truth / schedule.target.risk
    raw = np.where(np.isfinite(ridge.raw), expected - np.nanmean(expected, axis=1, keepdims=True), np.nan)
    walks = dict(trained.walks) | {"oracle": replace(ridge, model="oracle", raw=raw)}
    risk = trained.stages.get("calibration covariances")
    metric = None if risk is None else risk.metric()
    forecasts = compute.make_forecasts(walks, schedule, trained.prepared.config, metric)
    return replace(trained, walks=walks, forecasts=forecasts)


def researcher(case: tuple[str, int, float, Size]) -> dict[str, object]:
    """Try three configurations, and return their verdicts and the results of an uncorrected test."""
    kind, seed, r2, size = case
    warnings.simplefilter("ignore")
    panel, truth = make(kind, seed, r2, size)
    out: dict[str, object] = {"kind": kind, "r2": r2, "size": size}
    with tempfile.TemporaryDirectory() as place:
        ledger, store = Ledger(Path(place) / "ledger.jsonl"), Store(Path(place) / "store")
        verdicts, raw_p, tried = [], [], []
        for traded in ("both", "ridge", "trees") if not r2 else ("both",):
            config = configuration(Path(place), traded, panel.dates)
            pipeline = Pipeline(config, store, Reporter(Console(quiet=True)))
            trained = pipeline.train(pipeline.prepare((panel, ())))
            done = pipeline.evaluate(trained)
            ledger.add([describe_trial(done)])
            judgement = judge(done, ledger.trials(config.name))
            verdicts.append(judgement.verdict)
            raw_p.append(judgement.tests["forecast_p"])
            tried.append(done)
            if traded == "both":
                out |= {"gain": judgement.tests["gain"], "trials": judgement.trials["tunings"]}
                if r2:
                    out |= oracle(pipeline, trained, truth, ledger)
        out["first"] = verdicts[0]
        again = [judge(done, ledger.trials("researcher")).verdict for done in tried]
        out["best"] = SKILL if SKILL in again else again[0]
        out["any"] = SKILL in verdicts
        out["worse"] = WORSE in verdicts
        out["best of raw p"] = min(raw_p) < 0.05
    return out


def oracle(pipeline: Pipeline, trained: Trained, truth: np.ndarray, ledger: Ledger) -> dict[str, object]:
    """Return the verdict on the true model with the same number of trials, and its performance."""
    allocation = pipeline.config.allocation.model_copy(update={"forecast": "oracle"})
    config = pipeline.config.model_copy(update={"allocation": allocation})
    blessed = with_oracle(replace(trained, prepared=replace(trained.prepared, config=config)), truth)
    reference = Pipeline(config, Store(pipeline.store.folder, fresh=True), pipeline.reporter)
    done = reference.evaluate(blessed)
    judgement = judge(done, ledger.trials(config.name))
    a, b = (done.results[name] for name in ("model:oracle", "no_forecast"))
    gain = certainty_equivalent_gain(
        a.net - a.cash_return, b.net - b.cash_return, config.allocation.risk_aversion
    )
    return {"oracle": judgement.verdict, "oracle gain": gain.gain * 12}


def share(values: list[bool]) -> str:
    p, n = float(np.mean(values)), len(values)
    return f"{100 * p:5.1f} % ± {100 * sqrt(max(p * (1 - p), 0.25 / n) / n):.1f}"


def run(cases: list[tuple[str, int, float, Size]], processes: int) -> list[dict[str, object]]:
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(researcher, cases))


def null(n_panels: int, processes: int) -> None:
    results = run([(KINDS[i % 4], i // 4, 0.0, SMALL) for i in range(n_panels)], processes)
    print(f"\nNo skill at all: share of {n_panels} researchers with the verdict 'skill' (at most 5 %)")
    heads = ("first try", "best at the end", "at any time", "worse", "uncorrected p")
    print(f"{'returns':<16}{'panels':>7}" + "".join(f"{head:>17}" for head in heads))
    for kind in (*KINDS, "all"):
        some = [row for row in results if kind in ("all", row["kind"])]
        outcomes = [[r["first"] == SKILL for r in some], [r["best"] == SKILL for r in some]]
        outcomes += [[bool(r[key]) for r in some] for key in ("any", "worse", "best of raw p")]
        print(f"{kind:<16}{len(some):>7}" + "".join(f"{share(t):>17}" for t in outcomes))
    print(f"tuning trials of one researcher: {np.mean([row['trials'] for row in results]):.0f}")


def power(n_panels: int, processes: int, size: Size) -> None:
    n = max(4, n_panels // (5 if size == SMALL else 10))
    print(
        f"\nPlanted R2 of idiosyncratic returns, {size[1]} assets x {size[0]} months, {n} panels each: share with the"
    )
    print("verdict 'skill', and certainty equivalent gained a year")
    print(f"{'R2':<8}{'models':>17}{'oracle':>17}{'ratio':>8}{'gain':>16}{'of the oracle':>16}")
    for r2 in R2[size]:
        some = run([(KINDS[i % 4], 1000 + i // 4, r2, size) for i in range(n)], processes)
        ours, best = [row["first"] == SKILL for row in some], [row["oracle"] == SKILL for row in some]
        gains = [hac_mean(np.array([row[key] for row in some]), lags=0) for key in ("gain", "oracle gain")]
        ratio = f"{np.mean(ours) / np.mean(best):.2f}" if any(best) else "–"
        columns = "".join(f"{100 * g.mean:>8.2f} ± {100 * g.stderr:.2f} %" for g in gains)
        print(f"{100 * r2:.2f} %  {share(ours):>17}{share(best):>17}{ratio:>8}{columns}", flush=True)


def main(n_panels: str = "200", processes: str = "2", part: str = "all") -> None:
    if part in ("all", "null"):
        null(int(n_panels), int(processes))
    for name, size in (("small", SMALL), ("large", LARGE)):
        if part in ("all", name):
            power(int(n_panels), int(processes), size)


if __name__ == "__main__":
    main(*sys.argv[1:])
