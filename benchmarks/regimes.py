"""Time and quality of monthly regime refits, compared with cold fits of scikit-learn and hmmlearn.

Run with `OMP_NUM_THREADS=1 .venv/bin/python benchmarks/regimes.py`. The inputs are the market features of the embedded
daily stocks; the smaller size is their first part. The other libraries start cold at each refit, as in a plain loop;
hmmlearn, which is slow, is fitted only at each twelfth refit. CPU times are medians of three interleaved passes. Then
the identity of states over refits is measured on a synthetic market with known states.
"""

import time
import warnings
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from hmmlearn.hmm import GaussianHMM
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from features.building import build_matrix
from market.load import load_panel
from models.regimes.baum_welch import PRIOR_TRANSITIONS
from models.regimes.hmm import HMMRegimes
from models.regimes.jump import JumpRegimes
from models.regimes.kmeans import KMeansRegimes
from models.regimes.walk import walk_regimes
from models.walk_forward.standardise import Standardiser
from validation.folds.walk_forward import WalkForward

NAMES = ("market_volatility_12", "market_return_12", "market_drawdown_12", "average_correlation_12")
STATES = 3
MONTH = 21
HMM_EVERY = 12


def stock_features() -> np.ndarray:
    panel, _ = load_panel("stocks")
    matrix = build_matrix(panel, NAMES, ())
    X = np.stack([np.nanmax(matrix.values[:, :, matrix.names.index(n)], axis=1) for n in NAMES], axis=1)
    return X[np.isfinite(X).all(axis=1)]


def folds(n: int, first: int = 1260):
    return WalkForward(np.arange(n), first_test=first, refit_every=MONTH).folds()


def standardised(X: np.ndarray) -> np.ndarray:
    return Standardiser().fit(X).transform(X)


def naive_kmeans(X: np.ndarray, states: int = STATES) -> list[KMeans]:
    return [KMeans(states, n_init=10, random_state=0).fit(standardised(X[f.train])) for f in folds(len(X))]


def naive_hmm(X: np.ndarray) -> np.ndarray:
    """Return the penalised log-likelihood per row at each twelfth refit."""
    out = []
    for fold in folds(len(X))[::HMM_EVERY]:
        Z = standardised(X[fold.train])
        model = GaussianHMM(
            STATES, "full", n_iter=300, random_state=0, transmat_prior=1 + PRIOR_TRANSITIONS
        ).fit(Z)
        prior = PRIOR_TRANSITIONS * np.log(model.transmat_).sum()
        out.append((model.score(Z) + prior) / len(Z))
    return np.array(out)


def medians(jobs: dict[str, Callable[[], object]], passes: int = 3) -> tuple[dict[str, float], dict]:
    """Return the median CPU seconds of each job and its last result."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    results = {}
    for _ in range(passes):
        for name, job in jobs.items():
            began = time.process_time()
            results[name] = job()
            seconds[name].append(time.process_time() - began)
    return {name: float(np.median(values)) for name, values in seconds.items()}, results


def compare(X: np.ndarray) -> None:
    count = len(folds(len(X)))
    some = len(folds(len(X))[::HMM_EVERY])
    ours = {"k-means": KMeansRegimes(STATES), "jump": JumpRegimes(STATES), "hmm": HMMRegimes(STATES)}
    for model in ours.values():
        walk_regimes(X[:1400], folds(1400), NAMES, model)  # compiles
    jobs: dict[str, Callable[[], object]] = {
        name: lambda model=model: walk_regimes(X, folds(len(X)), NAMES, model) for name, model in ours.items()
    }
    seconds, results = medians(
        {
            "scikit-learn": lambda: naive_kmeans(X),
            "hmmlearn": lambda: naive_hmm(X),
            **jobs,
        }
    )
    seconds["hmmlearn"] *= count / some
    print(f"{len(X)} dates, {count} refits, CPU seconds of all (hmmlearn: {some} refits, scaled up)")
    for name, peer in (("k-means", "scikit-learn"), ("jump", "scikit-learn"), ("hmm", "hmmlearn")):
        ratio = seconds[peer] / seconds[name]
        restarts = int(results[name].restarted.sum())
        print(
            f"  {name:8s} {seconds[name]:6.2f}   {peer:12s} {seconds[peer]:7.2f}   ratio {ratio:6.1f}"
            f"   fits kept from cold starts {restarts}"
        )
    inertia = np.array([fit.inertia_ / len(fit.labels_) for fit in results["scikit-learn"]])
    ratio = np.exp(results["k-means"].loss) / inertia
    print(f"  inertia over that of cold scikit-learn: mean {ratio.mean():.4f}, largest {ratio.max():.4f}")
    gain = -results["hmm"].loss[::HMM_EVERY] - results["hmmlearn"]
    print(
        f"  log-likelihood of a date above cold hmmlearn: mean {gain.mean():+.3f}, smallest {gain.min():+.3f}"
    )


def identity() -> None:
    """Print how often refits permute the states, and how well the sequence of labels matches the true states."""
    rng = np.random.default_rng(0)
    n, states = 4000, 4
    state = np.zeros(n, dtype=int)
    for t in range(1, n):
        state[t] = state[t - 1] if rng.random() < 0.99 else rng.integers(states)
    X = (rng.normal(size=(states, 8)) * 1.1)[state] + rng.normal(size=(n, 8))
    walk, truth = folds(n), state[1260:]
    fits = naive_kmeans(X, states)
    naive = np.concatenate(
        [
            fit.predict(Standardiser().fit(X[f.train]).transform(X[f.test]))
            for fit, f in zip(fits, walk, strict=True)
        ]
    )
    print(f"identity, {len(walk)} refits: share of refits that permute states, ARI of the told labels")
    print_identity("naive", [fit.cluster_centers_ for fit in fits], truth, naive)
    for model in (KMeansRegimes(states), JumpRegimes(states), HMMRegimes(states)):
        path = walk_regimes(X, walk, [""] * 8, model)
        print_identity(type(model).__name__, path.centres, truth, path.label[1260:])


def print_identity(name: str, centres, truth: np.ndarray, label: np.ndarray) -> None:
    orders = [linear_sum_assignment(cdist(a, b, "sqeuclidean"))[1] for a, b in pairwise(centres)]
    permuted = np.mean([(order != np.arange(len(order))).any() for order in orders])
    print(f"  {name:14s} {permuted:5.0%}   {adjusted_rand_score(truth, label):.2f}")


def main() -> None:
    warnings.simplefilter("ignore")  # hmmlearn warns about each EM that did not converge
    X = stock_features()
    for size in (len(X) // 3, len(X)):
        compare(X[:size])
    identity()


if __name__ == "__main__":
    main()
