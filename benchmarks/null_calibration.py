"""Null calibration and power: how often both questions of the verdict are answered with yes, without and with skill.

Run with `.venv/bin/python benchmarks/null_calibration.py [PANELS [PROCESSES [PART]]]`: 200 panels on two cores take
about forty minutes; PART is null, small or large. It prints the tables of docs/evidence.md.

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
from pipeline.verdict.corrected_tests import SIZE
from pipeline.verdict.evidence import Evidence, judge
from pipeline.verdict.reasons import PAYS, WORSE
from pipeline.verdict.trial import describe_trial
from validation.forecasts.scores import hac_mean

KINDS = ("normal", "fat-tailed", "GARCH", "common factors")
SMALL, LARGE = (300, 12), (480, 40)
"""Months and assets. With more training rows, models come closer to the oracle."""
R2 = {SMALL: (0.001, 0.0025, 0.005, 0.01, 0.02), LARGE: (0.001, 0.0025, 0.005)}
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


def make(
    kind: str, seed: int, r2: float = 0.0, size: Size = SMALL, spread: float = 0.0
) -> tuple[Panel, np.ndarray]:
    """Return a panel, and the true expected next return of each asset beyond the mean of all, (T, N).

    `spread` is the standard deviation of the assets' own means.
    """
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
    mean = spread * np.random.default_rng([seed, 7]).normal(size=n_assets)
    returns = np.clip(0.006 + mean + factors @ loading + own * scale, -0.9, None)
    dates = pd.date_range("1980-01-31", periods=n_dates, freq="ME")
    assets = tuple(f"A{i:02d}" for i in range(n_assets))
    market, cash = returns.mean(axis=1), np.full(n_dates, 0.002)
    return Panel(kind, dates, assets, returns, cash, market, 12), mean - sqrt(r2) * own * scale


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
    """Try three configurations, or with a signal one, and return their verdicts and the answers to both questions."""
    kind, seed, r2, size = case
    warnings.simplefilter("ignore")
    panel, truth = make(kind, seed, r2, size)
    out: dict[str, object] = {"kind": kind, "r2": r2, "size": size}
    with tempfile.TemporaryDirectory() as place:
        ledger, store = Ledger(Path(place) / "ledger.jsonl"), Store(Path(place) / "store")
        verdicts, tried = [], []
        for traded in ("both", "ridge", "trees") if not r2 else ("both",):
            config = configuration(Path(place), traded, panel.dates)
            pipeline = Pipeline(config, store, Reporter(Console(quiet=True)))
            trained = pipeline.train(pipeline.prepare((panel, ())))
            done = pipeline.evaluate(trained)
            ledger.add([describe_trial(done)])
            judgement = judge(done, ledger.trials(config.name))
            verdicts.append(judgement)
            tried.append(done)
            if traded == "both":
                out |= answers("", judgement) | {"trials": judgement.trials["tunings"]}
                if r2:
                    out |= oracle(pipeline, trained, truth, ledger)
        again = [judge(done, ledger.trials("researcher")).verdict for done in tried]
        out["best"] = PAYS in again
        out["any"] = PAYS in [each.verdict for each in verdicts]
        out["worse"] = WORSE in [each.verdict for each in verdicts]
        out["mean gain"] = float(np.mean([each.tests["gain"] for each in verdicts]))
    return out


def answers(prefix: str, judgement: Evidence) -> dict[str, object]:
    """Return the answers to both questions, the verdict and the gain of a judged configuration."""
    tests = judgement.tests
    return {
        f"{prefix}skill": tests["forecast_p_corrected"] < SIZE,
        f"{prefix}pays": tests["gain_p_corrected"] < SIZE,
        f"{prefix}both": judgement.verdict == PAYS,
        f"{prefix}gain": tests["gain"],
    }


def oracle(pipeline: Pipeline, trained: Trained, truth: np.ndarray, ledger: Ledger) -> dict[str, object]:
    """Return the answers for the true model with the same number of trials."""
    allocation = pipeline.config.allocation.model_copy(update={"forecast": "oracle"})
    config = pipeline.config.model_copy(update={"allocation": allocation})
    blessed = with_oracle(replace(trained, prepared=replace(trained.prepared, config=config)), truth)
    reference = Pipeline(config, Store(pipeline.store.folder, fresh=True), pipeline.reporter)
    return answers("oracle ", judge(reference.evaluate(blessed), ledger.trials(config.name)))


def share(values: list[bool]) -> str:
    """Return a share in per cent with its standard error."""
    p, n = float(np.mean(values)), len(values)
    return f"{100 * p:.1f} ({100 * sqrt(max(p * (1 - p), 0.25 / n) / n):.1f})"


def gain(values: list[float]) -> str:
    """Return a mean gain in per cent a year with its standard error."""
    test = hac_mean(np.array(values), lags=0)
    return f"{100 * test.mean:.2f} ({100 * test.stderr:.2f})"


def run(cases: list[tuple[str, int, float, Size]], processes: int) -> list[dict[str, object]]:
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(researcher, cases))


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def null(n_panels: int, processes: int) -> None:
    results = run([(KINDS[i % 4], i // 4, 0.0, SMALL) for i in range(n_panels)], processes)
    print(f"\n{n_panels} researchers without any predictability; per cent, with standard errors")
    print(f"(tuning trials of one: {np.mean([row['trials'] for row in results]):.0f})\n")
    heads = (
        "first try: skill?",
        "does it pay?",
        "skill that pays",
        "best at the end",
        "at any time",
        "worse",
    )
    row("returns", *heads, "mean gain of the three, % per year")
    print("|---" + "|--:" * 7 + "|")
    for kind in (*KINDS, f"**all {n_panels}**"):
        some = [row for row in results if kind not in KINDS or row["kind"] == kind]
        shares = [
            share([bool(r[key]) for r in some]) for key in ("skill", "pays", "both", "best", "any", "worse")
        ]
        row(kind, *shares, gain([r["mean gain"] for r in some]))


def power(n_panels: int, processes: int, size: Size) -> None:
    n = max(4, n_panels // (5 if size == SMALL else 10))
    name = f"{size[1]} x {size[0]}"
    print(
        f"\n{n} panels of {name} with a signal, each with one configuration; per cent, with standard errors\n"
    )
    heads = ("skill?", "does it pay?", "skill that pays", "gain, % per year")
    row(
        "planted R2",
        "panel",
        *(f"{who}: {head}" for who in ("models", "oracle") for head in heads),
        "share of the oracle's gain",
    )
    print("|---|---" + "|--:" * 9 + "|")
    for r2 in R2[size]:
        some = run([(KINDS[i % 4], 1000 + i // 4, r2, size) for i in range(n)], processes)
        cells = []
        for who in ("", "oracle "):
            cells += [share([bool(r[who + key]) for r in some]) for key in ("skill", "pays", "both")]
            cells.append(gain([r[who + "gain"] for r in some]))
        best = hac_mean(np.array([r["oracle gain"] for r in some]), lags=0)
        # A share of what may be nothing says nothing.
        reached = f"{np.mean([r['gain'] for r in some]) / best.mean:.2f}" if best.t > 2 else "–"
        row(f"{100 * r2:.2f} %", name, *cells, reached)


def main(n_panels: str = "200", processes: str = "2", part: str = "all") -> None:
    if part in ("all", "null"):
        null(int(n_panels), int(processes))
    for name, size in (("small", SMALL), ("large", LARGE)):
        if part in ("all", name):
            power(int(n_panels), int(processes), size)


if __name__ == "__main__":
    main(*sys.argv[1:])
