"""Time of covariances along a path of decisions, compared with scikit-learn, skfolio and PyPortfolioOpt.

    .venv/bin/python benchmarks/harness.py covariance

Decisions are one month (21 rows) apart, windows one year (252 rows), on one thread. Tangency computes the whole path at
once, as in a run; the other libraries can only fit each window. `one by one` is Tangency's estimator fitted per window.
If both libraries claim the same formula, the estimates are compared first; PyPortfolioOpt mixes divisors of T and T -
1. EWMA and denoising differ between libraries in conventions (mean, weights, edge), so only their times are compared.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
from harness import Row, interleaved
from sklearn import covariance as sk

from allocation.covariance.estimator import Estimator
from allocation.covariance.factors import Denoised, StatisticalFactors
from allocation.covariance.nonlinear import NonlinearShrinkage
from allocation.covariance.path_estimation import covariance_path
from allocation.covariance.sample import Ewma, SampleCovariance
from allocation.covariance.shrinkage import ConstantCorrelation, LedoitWolf, Oas

SIZES = (50, 200)
WINDOW, EVERY = 252, 21

Peer = Callable[[np.ndarray], np.ndarray]


def found(name: str) -> ModuleType | None:
    """Import a library; if it is not installed, print a message and return None."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        print(f"covariance: without {name}, {error.name} is not installed (benchmarks/requirements.txt)")
        return None


def peers() -> dict[str, dict[str, Peer]]:
    """Return the estimators of other libraries, by kind."""
    out: dict[str, dict[str, Peer]] = {
        "ledoit_wolf": {"scikit-learn": lambda x: sk.LedoitWolf().fit(x).covariance_},
        "oas": {"scikit-learn": lambda x: sk.OAS().fit(x).covariance_},
        "constant_correlation": {},
        "ewma": {},
        "denoised": {},
    }
    if moments := found("skfolio.moments"):
        out["ledoit_wolf"]["skfolio"] = lambda x: moments.LedoitWolf().fit(x).covariance_
        out["oas"]["skfolio"] = lambda x: moments.OAS().fit(x).covariance_
        out["ewma"]["skfolio"] = lambda x: moments.EWCovariance().fit(x).covariance_
        out["denoised"]["skfolio"] = lambda x: moments.DenoiseCovariance().fit(x).covariance_
    if models := found("pypfopt.risk_models"):

        def shrunk(x: np.ndarray, target: str) -> np.ndarray:
            model = models.CovarianceShrinkage(x, returns_data=True, frequency=1)
            return np.asarray(model.ledoit_wolf(target))

        out["ledoit_wolf"]["PyPortfolioOpt"] = lambda x: shrunk(x, "constant_variance")
        out["constant_correlation"]["PyPortfolioOpt"] = lambda x: shrunk(x, "constant_correlation")
    return out


OURS: dict[str, tuple[Estimator, int]] = {
    "sample": (SampleCovariance(), 250),
    "ledoit_wolf": (LedoitWolf(), 250),
    "oas": (Oas(), 250),
    "ewma": (Ewma(40.0), 250),
    "constant_correlation": (ConstantCorrelation(), 50),
    "nonlinear": (NonlinearShrinkage(), 50),
    "factor": (StatisticalFactors(), 50),
    "denoised": (Denoised(), 50),
}
"""Estimators and the number of decisions at which they are timed."""


def panel(n_assets: int, decisions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return returns with a market factor, and the rows of the decisions."""
    rng = np.random.default_rng(0)
    n = WINDOW + EVERY * decisions + 1
    market = rng.standard_t(5, size=(n, 1)) * 0.01
    x = market * rng.uniform(0.5, 1.5, n_assets) + rng.standard_t(5, size=(n, n_assets)) * 0.01
    return x, WINDOW + EVERY * np.arange(decisions)


def contenders(
    n_assets: int, kind: str, others: dict[str, Peer]
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield Tangency along the path, Tangency window by window, and the other libraries."""
    estimator, decisions = OURS[kind]
    x, positions = panel(n_assets, decisions)
    windows = [x[p - WINDOW + 1 : p + 1] for p in positions]

    def path() -> object:
        return covariance_path(x, positions, window=WINDOW, min_history=60, horizon=1, estimator=estimator)

    yield "path", path
    yield "one by one", lambda: [estimator.estimate(window) for window in windows]
    for name, fit in others.items():
        if kind in ("ledoit_wolf", "oas", "constant_correlation"):
            check(kind, name, estimator, fit, windows[0])
        yield name, lambda fit=fit: [fit(window) for window in windows]


def check(kind: str, name: str, estimator: Estimator, fit: Peer, x: np.ndarray) -> None:
    """Print the difference between another library's estimate and Tangency's."""
    ours, theirs = estimator.estimate(x), fit(x)
    print(f"{kind} of {name}, {x.shape[1]} assets: largest difference {np.abs(theirs / ours - 1).max():.0e}")


def rows() -> list[Row]:
    """Measure each kind at each size."""
    warnings.simplefilter("ignore")  # other libraries warn about conventions
    others = peers()
    return [
        row
        for n_assets in SIZES
        for kind, (_, decisions) in OURS.items()
        for row in interleaved(
            f"covariance: {kind}",
            f"{decisions} x {n_assets} assets",
            dict(contenders(n_assets, kind, others.get(kind, {}))),
        )
    ]
