"""Speed of the rolling kernels, each compared with pandas, bottleneck and numbagg, on one thread.

Run with `.venv/bin/python benchmarks/features_kernels.py [dates x assets ...]`, for instance `2500x100 2500x1000`.
It prints Tangency's nanoseconds per value, and the ratio of each other library's time to it: medians of interleaved CPU
times. Libraries that are not installed are omitted. Values are compared before timing.
"""

import importlib
import sys
import time
import warnings
from functools import cache
from statistics import median

import numba
import numpy as np
import pandas as pd

from features.kernels import across, rolling
from features.kernels.recursive import wealth

ROUNDS = 5
WINDOWS = (20, 252)


@cache
def optional(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed: left out")
        return None


def contenders(x, window):
    """Return the implementations of each kernel: {kernel: {library: function}}."""
    need = rolling.required_count(window)
    frame, market = pd.DataFrame(x), x[:, 0].copy()
    other = pd.DataFrame(np.roll(x, 1, axis=1))
    # A pandas user must mask the market to get a beta over the rows where both are present.
    shared = pd.DataFrame(np.where(np.isfinite(x), market[:, None], np.nan))
    window_of = frame.rolling(window, min_periods=need)
    bn, nbg = optional("bottleneck"), optional("numbagg")

    def fast(name, *args):
        functions = {}
        if bn is not None and hasattr(bn, f"move_{name}"):
            options = {"ddof": 1} if name == "std" else {}
            functions["bottleneck"] = lambda: getattr(bn, f"move_{name}")(
                x, window, min_count=need, axis=0, **options
            )
        if nbg is not None and hasattr(nbg, f"move_{name}"):
            functions["numbagg"] = lambda: getattr(nbg, f"move_{name}")(
                x, *args, window=window, min_count=need, axis=0
            )
        return functions

    def simple(name, pandas_name=None):
        method = pandas_name or name
        return {
            "ours": lambda: getattr(rolling, f"rolling_{name}")(x, window),
            "pandas": lambda: getattr(window_of, method)(),
            **fast(name),
        }

    table = {name: simple(name) for name in ("sum", "mean", "std", "skew", "max", "min")}
    table["kurtosis"] = simple("kurtosis", "kurt")
    table["correlation"] = {
        "ours": lambda: rolling.rolling_correlation(x, other.to_numpy(), window),
        "pandas": lambda: window_of.corr(other),
        **fast("corr", other.to_numpy()),
    }
    table["beta"] = {
        "ours": lambda: rolling.rolling_beta(x, market, window),
        "pandas": lambda: window_of.cov(shared) / shared.rolling(window, min_periods=need).var(),
    }
    table["regression (3)"] = {"ours": lambda: rolling.rolling_regression(x, market, window)}
    table["trend (3)"] = {"ours": lambda: rolling.rolling_trend(x, window)}
    table["argmax"] = {"ours": lambda: rolling.rolling_argmax(x, window), **fast("argmax")}
    table["quantile"] = {
        "ours": lambda: rolling.rolling_quantile(x, window, 0.8),
        "pandas": lambda: window_of.quantile(0.8),
    }
    table["rank"] = {
        "ours": lambda: rolling.rolling_rank(x, window),
        "pandas": lambda: window_of.rank(pct=True),
        **fast("rank"),
    }
    return table


def without_windows(x):
    frame = pd.DataFrame(x)
    return {
        "ewm_mean": {
            "ours": lambda: rolling.ewm_mean(x, 63.0),
            "pandas": lambda: frame.ewm(halflife=63.0).mean(),
        },
        "wealth": {"ours": lambda: wealth(x), "pandas": lambda: (1.0 + frame).cumprod()},
        "running_max": {"ours": lambda: rolling.running_max(x), "pandas": lambda: frame.cummax()},
        "divide": {"ours": lambda: rolling.divide(x, x), "pandas": lambda: frame / frame},
        "across rank": {
            "ours": lambda: across.rank(x),
            "pandas": lambda: frame.rank(axis=1),
        },
        "across zscore": {
            "ours": lambda: across.zscore(x),
            "pandas": lambda: frame.sub(frame.mean(axis=1), axis=0).div(frame.std(axis=1, ddof=0), axis=0),
        },
    }


COMPARED = {"sum", "mean", "std", "skew", "kurtosis", "max", "min", "correlation", "beta", "quantile", "rank"}


def agree(name, functions):
    if name in COMPARED:
        ours = functions["ours"]()
        np.testing.assert_allclose(ours, functions["pandas"](), rtol=1e-6, atol=1e-9, err_msg=name)
    for function in functions.values():
        function()


def measured(functions):
    taken = {library: [] for library in functions}
    for _ in range(ROUNDS):
        for library, function in functions.items():
            began = time.process_time()
            function()
            taken[library].append(time.process_time() - began)
    return {library: median(times) for library, times in taken.items()}


def row(name, functions, size):
    agree(name, functions)
    times = measured(functions)
    ours = times["ours"]
    others = "  ".join(
        f"{library} {taken / ours:6.1f}x" for library, taken in times.items() if library != "ours"
    )
    print(f"  {name:<16}{1e9 * ours / size:8.2f} ns   {others}", flush=True)


def main() -> None:
    warnings.simplefilter("ignore")
    numba.set_num_threads(1)
    rng = np.random.default_rng(0)
    for size in sys.argv[1:] or ("2500x100", "2500x1000"):
        dates, assets = (int(n) for n in size.split("x"))
        x = rng.normal(0.0, 0.01, (dates, assets))
        x[rng.uniform(size=x.shape) < 0.002] = np.nan
        for window in WINDOWS:
            print(f"{dates} dates x {assets} assets, window {window}")
            for name, functions in contenders(x, window).items():
                row(name, functions, x.size)
        print(f"{dates} dates x {assets} assets, all dates so far, or across assets")
        for name, functions in without_windows(x).items():
            row(name, functions, x.size)


if __name__ == "__main__":
    main()
