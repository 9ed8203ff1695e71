"""Frequency of each verdict: for noise, for skill that costs consume, for profitable skill, and for losses.

Run with `.venv/bin/python benchmarks/verdict_sizes.py [PANELS [PROCESSES]]`: 1,000 panels take about ten minutes on
two cores.

Each panel has 12 assets and 300 months, in the four kinds of `null_calibration.py`, with a planted signal: a fraction
R2 of the variance of next month's idiosyncratic return is last month's return with the opposite sign. Two forecasts,
noise and the true model, go through the calibration, the allocator, costs of 10 basis points and the verdict of a run,
as the first tried configuration.

Additional costs, which the allocator does not know, are set so that they leave a given share of the true model's mean
gain in certainty equivalent over all panels. At a share of 0 the forecast is right but worthless, so at most 5 % of
verdicts should be "skill". The previous rule required a significant forecast and a gain above 0, significant or not.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from math import isfinite, sqrt
from pathlib import Path

import numpy as np
from null_calibration import KINDS, SMALL, configuration, make, with_oracle
from rich.console import Console

from pipeline.config import RunConfig
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.stages.evaluation import score_forecast
from pipeline.stages.trading import backtest, make_policies
from pipeline.store import Store
from pipeline.verdict.corrected_tests import SIZE
from pipeline.verdict.reasons import NONE, PAYS, UNPAID, WORSE, name_verdict
from validation.portfolios.certainty_equivalent import certainty_equivalent_gain

R2 = (0.005, 0.01, 0.02)
LEFT = (1.0, 0.5, 0.0, -1.0)
"""Shares of the true model's mean gain that remain after costs."""
VERDICTS = (PAYS, UNPAID, NONE, WORSE)


@dataclass(frozen=True)
class Judged:
    """A forecast on one panel: its p-value, and the excess returns and costs of its portfolio and the baseline."""

    p: float
    excess: np.ndarray
    cost: np.ndarray
    base: np.ndarray
    base_cost: np.ndarray
    gamma: float

    def gain(self, more: float) -> tuple[float, float, float]:
        """Return the gain and its p-values with additional costs of `more` times the actual trading costs."""
        test = certainty_equivalent_gain(
            self.excess - more * self.cost, self.base - more * self.base_cost, self.gamma
        )
        return test.gain, test.p_greater, test.p_less


def small_configuration(folder: Path, dates) -> RunConfig:
    content = configuration(folder, "ridge", dates).model_dump(mode="json")
    content["models"] = {"ridge": {"kind": "ridge", "n_penalties": 5}}
    content["features"]["include"] = ["market", "return_1"]
    return RunConfig.model_validate(content)


def panel(case: tuple[str, int, float]) -> dict[str, Judged]:
    """Return the true model and noise on one panel."""
    kind, seed, r2 = case
    warnings.simplefilter("ignore")
    data, truth = make(kind, seed, r2, SMALL)
    noise = np.random.default_rng([seed, 1]).normal(size=truth.shape) * truth.std()
    with tempfile.TemporaryDirectory() as place:
        config = small_configuration(Path(place), data.dates)
        pipeline = Pipeline(config, Store(Path(place) / "store"), Reporter(Console(quiet=True)))
        trained = pipeline.train(pipeline.prepare((data, ())))
        return {name: judged(with_oracle(trained, f)) for name, f in (("truth", truth), ("noise", noise))}


def judged(trained) -> Judged:
    prepared, config = trained.prepared, trained.prepared.config
    schedule = prepared.schedule
    trained = replace(trained, forecasts={"oracle": trained.forecasts["oracle"]})
    score = score_forecast(trained.forecasts["oracle"], trained.walks["oracle"], schedule, 0.0)
    policies = make_policies(
        prepared.panel, schedule, trained.forecasts, trained.covariances, trained.regimes, config
    )
    mine, base = (
        backtest(name, policies[name], prepared.panel, schedule, config)
        for name in ("model:oracle", "no_forecast")
    )
    return Judged(
        score.metrics["rank_ic_p"],
        mine.net - mine.cash_return,
        mine.gross - mine.net,
        base.net - base.cash_return,
        base.gross - base.net,
        config.allocation.risk_aversion,
    )


def verdict(one: Judged, more: float) -> tuple[str, bool]:
    """Return the verdict, and whether the previous rule gave "skill"."""
    gain, greater, less = one.gain(more)
    tests = {
        "forecast_p_corrected": one.p,
        "gain_p_corrected": greater,
        "gain_p_worse": less,
        "verdict_p": max(one.p, greater) if isfinite(greater) else greater,
    }
    return name_verdict(tests), one.p < SIZE and gain > 0


def share(values: list[bool]) -> str:
    p, n = float(np.mean(values)), len(values)
    return f"{100 * p:6.1f} ({100 * sqrt(max(p * (1 - p), 0.25 / n) / n):.1f})"


def line(title: str, some: list[Judged], more: float) -> None:
    verdicts = [verdict(one, more) for one in some]
    gain = np.array([one.gain(more)[0] for one in some]) * 1200
    columns = "".join(f"{share([v == wanted for v, _ in verdicts]):>14}" for wanted in VERDICTS)
    before = share([b for _, b in verdicts])
    print(
        f"{title:<40}{gain.mean():>7.2f} ({gain.std() / sqrt(len(gain)):.2f}){columns}{before:>14}",
        flush=True,
    )


def main(n_panels: str = "1000", processes: str = "2") -> None:
    n = int(n_panels)
    print(f"{n} panels each; shares in per cent, with standard errors; gain in per cent a year")
    heads = "".join(f"{head[:13]:>14}" for head in (*VERDICTS, "skill, before"))
    print(f"{'forecast':<40}{'mean gain':>14}{heads}")
    with ProcessPoolExecutor(int(processes)) as pool:
        for r2 in R2:
            cases = [(KINDS[i % 4], 5000 + i // 4, r2) for i in range(n)]
            results = list(pool.map(panel, cases, chunksize=4))
            line(f"noise, R2 {100 * r2:g} %", [one["noise"] for one in results], 0.0)
            truth = [one["truth"] for one in results]
            at = [np.mean([one.gain(more)[0] for one in truth]) for more in (0.0, 1.0)]
            for left in LEFT:
                more = (1 - left) * at[0] / (at[0] - at[1])
                line(f"truth, R2 {100 * r2:g} %, {100 * left:g} % of the gain left", truth, more)


if __name__ == "__main__":
    main(*sys.argv[1:])
