"""Effect of the choice of features: ridge on all features and on five classic ones, on industries.

Run with `.venv/bin/python benchmarks/feature_sets.py`. It prints, for each set, the mean IC, the R2 in units of risk
and the net Sharpe ratio of the portfolio, and then the paired difference between the two portfolios.
"""

import tempfile
from pathlib import Path

from rich.console import Console

from backtest.performance import compare_results
from pipeline.config import RunConfig, load_config
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.store import Store

CLASSIC = (
    "return_1_z",
    "return_6_z",
    "momentum_12_1_z",
    "long_term_reversal_36_12_z",
    "volatility_12_rank",
)


def evaluated(config: RunConfig):
    with tempfile.TemporaryDirectory() as folder:
        pipeline = Pipeline(config, Store(Path(folder)), Reporter(Console(quiet=True)))
        return pipeline.evaluate(pipeline.train(pipeline.prepare()))


def main() -> None:
    config = load_config(Path(__file__).resolve().parents[1] / "configs" / "industries.yaml")
    ridge = config.model_copy(
        update={
            "models": {"ridge": config.models["ridge"]},
            "allocation": config.allocation.model_copy(update={"forecast": "ridge"}),
        }
    )
    names = (*CLASSIC, *config.regimes.features)
    classic = ridge.model_copy(update={"features": ridge.features.model_copy(update={"include": names})})
    done = {"all features": evaluated(ridge), "five classic ones": evaluated(classic)}
    print(f"{'ridge on':<20}{'IC':>8}{'R2':>9}{'slope':>8}{'Sharpe':>9}{'(se)':>8}{'turnover':>10}")
    for name, run in done.items():
        skill, money = run.scores["ridge"].metrics, run.performance["model:ridge"]
        print(
            f"{name:<20}{skill['ic']:>8.3f}{skill['r2_target']:>9.2%}{skill['mean_slope']:>8.2f}"
            f"{money['sharpe']:>9.2f}{money['sharpe_se']:>8.2f}{money['turnover']:>10.1f}"
        )
    first, second = (run.results["model:ridge"] for run in done.values())
    gap = compare_results(second, first, 12)
    print(
        f"five classic ones less all: Sharpe {gap['sharpe_difference']:+.2f} "
        f"(se {gap['sharpe_difference_se']:.2f}, p {gap['p_value']:.2f})"
    )


if __name__ == "__main__":
    main()
