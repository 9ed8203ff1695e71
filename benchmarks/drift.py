"""How often drift alarms where there is none, how often where there is, what it found in history, and what it costs.

python benchmarks/drift.py null                          true nulls rejected at 5 %, by kind of dependence
python benchmarks/drift.py history configs/stocks.yaml   alarms every quarter (months: half-year), and CPU time
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from scipy import stats
from scipy.signal import lfilter

from pipeline.config import load_config
from pipeline.drift.measure import measure_run
from pipeline.drift.watches import _measure_rise
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.store import Store
from validation.drift.change import recent_p_value
from validation.drift.shift import measure_shift

DRAWS = 200


def autoregression(rng: np.random.Generator, n_dates: int, n_assets: int, rho: float) -> np.ndarray:
    """Return stationary AR(1) series of variance 1; with several assets, half of the variance is common."""
    burn = 20 + int(10 / (1 - rho))
    common = 0.5 if n_assets > 1 else 0.0
    own = rng.normal(size=(n_dates + burn, n_assets)) * np.sqrt(1 - common)
    shared = rng.normal(size=(n_dates + burn, 1)) * np.sqrt(common)
    return lfilter([np.sqrt(1 - rho**2)], [1, -rho], own + shared, axis=0)[burn:]


def null() -> None:
    """Print the rejection rate of a true null at 5 %: the shift test, a CUSUM, and a test that assumes independence."""
    print("| before | recent | assets | coefficient | shift | CUSUM | naive KS | shift of 2 found |")
    print("|---|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for n, m in ((240, 12), (600, 12), (1500, 63)):
        for n_assets in (1, 10):
            for rho in (0.0, 0.5, 0.9, 0.98):
                rejections = np.zeros(4)
                for _ in range(DRAWS):
                    x = autoregression(rng, n + m, n_assets, rho)
                    mean = x.mean(axis=1)
                    rejections += [
                        measure_shift(x[:n], x[n:]).p_value <= 0.05,
                        recent_p_value(mean, m, _measure_rise)[2] <= 0.05,
                        stats.ks_2samp(x[:n].ravel(), x[n:].ravel()).pvalue <= 0.05,
                        measure_shift(x[:n], x[n:] + 2.0).p_value <= 0.05,
                    ]
                shares = " | ".join(f"{share:.0%}" for share in rejections / DRAWS)
                print(f"| {n} | {m} | {n_assets} | {rho} | {shares} |", flush=True)


def history(path: Path) -> None:
    """Print the alarms at dates at least ten years into the evaluation, and the cost of measuring drift."""
    config = load_config(path)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        pipeline = Pipeline(config, Store(Path(folder)), Reporter(Console(quiet=True)))
        done = pipeline.evaluate(pipeline.train(pipeline.prepare()))
        whole = time.process_time() - began
        measure_run(done)
        began = time.process_time()
        measure_run(done)
        once = time.process_time() - began
    panel, schedule = done.trained.prepared.panel, done.trained.prepared.schedule
    year = panel.periods_per_year
    rows = range(int(schedule.decisions[0]) + 10 * year, len(panel.dates), year // 4 if year > 12 else 6)
    alarms = [(drift.as_of, drift.all_alarms) for drift in (measure_run(done, row) for row in rows)]
    for as_of, texts in alarms:
        for text in texts:
            print(f"{as_of}  {text}")
    some = sum(bool(texts) for _, texts in alarms)
    print(f"{config.name}: alarms at {some} of {len(alarms)} dates")
    print(f"{once:.2f} s of CPU a measurement, {once / whole:.1%} of {whole:.1f} s without audit and report")


if __name__ == "__main__":
    if sys.argv[1:] == ["null"]:
        null()
    elif sys.argv[1:2] == ["history"] and len(sys.argv) == 3:
        history(Path(sys.argv[2]))
    else:
        sys.exit(__doc__)
