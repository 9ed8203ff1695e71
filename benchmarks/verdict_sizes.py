"""Frequency of each verdict: for noise, constant rankings, skill that costs consume, profitable skill, and losses.

Run with `.venv/bin/python benchmarks/verdict_sizes.py [PANELS [PROCESSES]]`: 250 panels take about three minutes on two
cores. It prints the table of docs/evidence.md.

Each panel has 12 assets and 300 months, in the four kinds of `null_calibration.py`. On the first panels returns cannot
be predicted, but the assets' means differ (standard deviation 2.4 % a year): rankings by past means, past year and
true means beat chance there and know nothing of the next month. The other panels have equal means and a planted signal:
a fraction R2 of the variance of next month's idiosyncratic return is last month's return with the opposite sign. All
forecasts go through the calibration, the allocator, costs of 10 basis points and the verdict of a run, as the first
tried configuration.

Additional costs, which the allocator does not know, are set so that they leave a given share of the true model's mean
gain in certainty equivalent over all panels. At a share of 0 the forecast is right but worthless, so at most 5 % of
verdicts should be "skill that pays". The last column is the earlier rule: a significant rank IC, of a constant ranking
or not, and a significant gain.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from math import sqrt
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
from pipeline.verdict.corrected_tests import SIZE, larger
from pipeline.verdict.reasons import NONE, PAYS, UNPAID, WORSE, name_verdict
from validation.portfolios.certainty_equivalent import certainty_equivalent_gain

R2 = (0.005, 0.01, 0.02)
SPREAD = 0.002
"""Standard deviation of the assets' mean monthly returns on panels without a signal."""
LEFT = (1.0, 0.5, 0.0, -1.0)
"""Shares of the true model's mean gain that remain after costs."""
VERDICTS = (PAYS, UNPAID, NONE, WORSE)


@dataclass(frozen=True)
class Judged:
    """A forecast on one panel: its p-values, and the excess returns and costs of its portfolio and the baseline."""

    chance: float
    timing: float
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
    """Return the forecasts on one panel; without a signal, rankings by means and a fitted ridge too."""
    kind, seed, r2 = case
    warnings.simplefilter("ignore")
    data, truth = make(kind, seed, r2, SMALL, 0.0 if r2 else SPREAD)
    rng = np.random.default_rng([seed, 1])
    forecasts = {"truth": truth, "noise": rng.normal(size=truth.shape) * truth.std()}
    if not r2:
        forecasts |= {
            "means so far": trailing(data.returns, len(data.returns)),
            "past year": trailing(data.returns, 12),
        }
    with tempfile.TemporaryDirectory() as place:
        config = small_configuration(Path(place), data.dates)
        pipeline = Pipeline(config, Store(Path(place) / "store"), Reporter(Console(quiet=True)))
        trained = pipeline.train(pipeline.prepare((data, ())))
        found = {name: judged(with_oracle(trained, f)) for name, f in forecasts.items()}
        return found if r2 else found | {"ridge": judged(trained, "ridge")}


def trailing(returns: np.ndarray, width: int) -> np.ndarray:
    """Return the mean return of the last `width` months, or of those that there are, at each month."""
    total = np.cumsum(np.vstack([np.zeros(returns.shape[1]), returns]), axis=0)
    ends = np.arange(1, len(total))
    starts = np.maximum(ends - width, 0)
    return (total[ends] - total[starts]) / (ends - starts)[:, None]


def judged(trained, model: str = "oracle") -> Judged:
    prepared, config = trained.prepared, trained.prepared.config
    schedule = prepared.schedule
    trained = replace(trained, forecasts={model: trained.forecasts[model]})
    score = score_forecast(trained.forecasts[model], trained.walks[model], schedule, 0.0)
    policies = make_policies(
        prepared.panel, schedule, trained.forecasts, trained.covariances, trained.regimes, config
    )
    mine, base = (
        backtest(name, policies[name], prepared.panel, schedule, config)
        for name in (f"model:{model}", "no_forecast")
    )
    return Judged(
        score.metrics["rank_ic_p"],
        score.metrics["timing_ic_p"],
        mine.net - mine.cash_return,
        mine.gross - mine.net,
        base.net - base.cash_return,
        base.gross - base.net,
        config.allocation.risk_aversion,
    )


def answers(one: Judged, more: float) -> dict[str, bool]:
    """Return whether each question is answered with yes, each verdict, and the earlier rule's "skill"."""
    _, greater, less = one.gain(more)
    forecast = larger(one.chance, one.timing)
    tests = {
        "forecast_p_corrected": forecast,
        "gain_p_corrected": greater,
        "gain_p_worse": less,
        "verdict_p": larger(forecast, greater),
    }
    verdict = name_verdict(tests)
    return {
        "better than chance": one.chance < SIZE,
        "skill": forecast < SIZE,
        "gain": greater < SIZE,
        **{name: verdict == name for name in VERDICTS},
        "before": larger(one.chance, greater) < SIZE,
    }


def share(values: list[bool]) -> str:
    """Return a share in per cent with its standard error."""
    p, n = float(np.mean(values)), len(values)
    return f"{100 * p:.1f} ({100 * sqrt(max(p * (1 - p), 0.25 / n) / n):.1f})"


HEADS = ("better than chance", "skill", "gain", *VERDICTS, "before")


def line(title: str, some: list[Judged], more: float = 0.0) -> None:
    found = [answers(one, more) for one in some]
    gain = np.array([one.gain(more)[0] for one in some]) * 1200
    cells = [f"{gain.mean():.2f} ({gain.std() / sqrt(len(gain)):.2f})"]
    cells += [share([row[head] for row in found]) for head in HEADS]
    print(f"| {title} | {' | '.join(cells)} |", flush=True)


def main(n_panels: str = "250", processes: str = "2") -> None:
    n = int(n_panels)
    print(f"{n} panels a row; per cent, with standard errors\n")
    print(
        "| forecast | mean gain, % per year | better than chance | skill? | does it pay? | skill that pays ",
        end="",
    )
    print("| skill, not shown to pay | no evidence | worse | skill that pays, before |")
    print("|---" + "|--:" * 9 + "|", flush=True)
    with ProcessPoolExecutor(int(processes)) as pool:
        for r2 in (0.0, *R2):
            cases = [(KINDS[i % 4], 5000 + i // 4, r2) for i in range(n)]
            results = list(pool.map(panel, cases, chunksize=4))
            if not r2:
                for name in ("noise", "ridge", "past year", "means so far", "truth"):
                    line(NAMES[name], [one[name] for one in results])
                continue
            line(f"noise, at R2 {100 * r2:g} %", [one["noise"] for one in results])
            truth = [one["truth"] for one in results]
            at = [np.mean([one.gain(more)[0] for one in truth]) for more in (0.0, 1.0)]
            for left in LEFT:
                more = (1 - left) * at[0] / (at[0] - at[1])
                line(f"true model, R2 {100 * r2:g} %, {100 * left:g} % of the gain left", truth, more)


NAMES = {
    "noise": "means differ: noise",
    "ridge": "means differ: ridge, fitted",
    "past year": "means differ: ranking by the past year",
    "means so far": "means differ: ranking by all past returns",
    "truth": "means differ: ranking by the true means",
}


if __name__ == "__main__":
    main(*sys.argv[1:])
