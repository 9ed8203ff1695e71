"""Speed of 60 features that need only prices, compared with plain pandas and with the windows of other libraries.

Run with `.venv/bin/python benchmarks/features_60.py [dates x assets ...]`, for instance `2500x20 2500x1000`.
The values are compared first. The script prints processor and wall-clock time (medians of interleaved rounds), and the
median over rounds of each library's time relative to Tangency's. All run in one thread. Tangency is timed twice: with
reused memory for the matrix, and with fresh memory, which the system must clear first.

A library that is not installed is omitted with a message. All contenders compute the same features; functions that a
library lacks, such as skewness, come from pandas. `groupby` is pandas with one row per date and asset.
"""

import importlib
import os
import sys
import time
from contextlib import contextmanager
from statistics import median

import numba
import numpy as np
import pandas as pd

from features.building import build_matrix
from features.engine.buffer import MatrixBuffer
from features.kernels.rolling import required_count
from market.panel import Panel

os.environ.setdefault("POLARS_MAX_THREADS", "1")
ROUNDS = 3
MONTH = 21


def made_up(dates, assets):
    """Return a synthetic daily panel with a market, late listings, delistings and a few missing values."""
    rng = np.random.default_rng(0)
    market = rng.normal(0.0003, 0.01, dates)
    returns = rng.uniform(0.5, 1.5, assets) * market[:, None] + rng.normal(0.0, 0.01, (dates, assets))
    returns[rng.uniform(size=returns.shape) < 0.001] = np.nan
    row = np.arange(dates)[:, None]
    returns[row < np.where(rng.uniform(size=assets) < 0.2, rng.integers(0, dates // 2, assets), 0)] = np.nan
    returns[
        row > np.where(rng.uniform(size=assets) < 0.1, rng.integers(dates // 2, dates, assets), dates)
    ] = np.nan
    return Panel(
        name="made up",
        dates=pd.bdate_range("2000-01-03", periods=dates),
        assets=tuple(f"A{j}" for j in range(assets)),
        returns=returns,
        cash=np.full(dates, 0.00005) + rng.normal(0.0, 1e-6, dates),
        market=market,
        periods_per_year=252,
    )


def by_pandas(name, x, window):
    return getattr(x.rolling(window, min_periods=required_count(window)), name)()


def library(name):
    """Import a library; if it is not installed, print a message and return None."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed: left out")
        return None


def like(values, x):
    return pd.DataFrame(values, x.index, x.columns) if x.ndim == 2 else pd.Series(values, x.index)


def with_bottleneck(bottleneck, numbagg=None):
    """Return windows of bottleneck, with sums, means and deviations of numbagg if it is given."""

    def roll(name, x, window):
        if name in ("skew", "kurt"):
            return by_pandas(name, x, window)
        if numbagg and name in ("sum", "mean", "std") and x.ndim == 2:
            move, options = getattr(numbagg, f"move_{name}"), {}
        else:
            move, options = getattr(bottleneck, f"move_{name}"), {"ddof": 1} if name == "std" else {}
        return like(move(x.to_numpy(), window=window, min_count=required_count(window), axis=0, **options), x)

    return roll


def with_polars(polars):
    def roll(name, x, window):
        if name in ("skew", "kurt") or x.ndim == 1:
            return by_pandas(name, x, window)
        frame = polars.from_numpy(np.ascontiguousarray(x.to_numpy()), orient="row").fill_nan(None)
        move = getattr(polars.all(), f"rolling_{name}")
        return like(frame.select(move(window, min_samples=required_count(window))).to_numpy(), x)

    return roll


def by_groupby(name, x, window):
    if x.ndim == 1:
        return by_pandas(name, x, window)
    dates, assets = x.shape
    long = pd.Series(x.to_numpy().T.ravel()).groupby(np.repeat(np.arange(assets), dates))
    moved = getattr(long.rolling(window, min_periods=required_count(window)), name)()
    return like(moved.to_numpy().reshape(assets, dates).T, x)


def features(panel, roll):
    """Return the catalogue's price features as a user of wide pandas frames would write them."""
    returns = pd.DataFrame(panel.returns)
    cash, market = pd.Series(panel.cash), pd.Series(panel.market)
    return {
        **own(returns, cash, market, roll),
        **against_the_market(returns, cash, market, roll),
        **technical(returns, roll),
    }


def technical(returns, roll):
    level = (1.0 + returns.fillna(0.0)).cumprod().where(returns.notna())
    logs = np.log1p(returns.clip(lower=-1 + 1e-6))
    return {
        "bollinger_20": (level - roll("mean", level, 20)) / roll("std", level, 20),
        "drawdown": level / level.cummax() - 1.0,
        "kurtosis_60": roll("kurt", returns, 60),
        "variance_ratio_5_60": roll("std", roll("sum", logs, 5), 60) ** 2
        / (5.0 * roll("std", logs, 60) ** 2),
    }


def own(returns, cash, market, roll):
    logs = np.log1p(returns.clip(lower=-1 + 1e-6))
    level = (1.0 + returns.fillna(0.0)).cumprod().where(returns.notna())
    excess, y = returns.sub(cash, axis=0), 12 * MONTH

    def compound(x, months):
        return np.expm1(roll("sum", x, months * MONTH))

    f = {f"return_{m}": compound(logs, m) for m in (1, 3, 6, 12, 36)}
    f["momentum_12_1"] = compound(logs.shift(MONTH), 11)
    f["momentum_6_1"] = compound(logs.shift(MONTH), 5)
    f["long_term_reversal_36_12"] = -compound(logs.shift(y), 24)
    f |= {f"volatility_{m}": roll("std", returns, m * MONTH) for m in (3, 12, 36)}
    f["reversal_1"] = -f["return_1"] / (f["volatility_12"] * np.sqrt(MONTH))
    monthly = roll("sum", logs, MONTH)
    past = [monthly.shift((12 * year - 1) * MONTH) for year in range(1, 6)]
    count = sum(p.notna().astype(float) for p in past)
    f["seasonality_60"] = (sum(p.fillna(0.0) for p in past) / count).where(count >= 4)
    f["ewm_volatility_3"] = np.sqrt((returns * returns).ewm(halflife=3.0 * MONTH).mean())
    f["volatility_ratio_3_12"] = f["volatility_3"] / f["volatility_12"]
    f["downside_volatility_12"] = np.sqrt(roll("mean", excess.clip(upper=0.0) ** 2, y))
    f["skewness_12"] = roll("skew", returns, y)
    f["max_return_12"] = roll("max", returns, y)
    high = roll("max", level, y)
    low = roll("min", level, y)
    f["drawdown_12"] = level / high - 1.0
    f["drawdown_36"] = level / roll("max", level, 3 * y) - 1.0
    f["range_position_12"] = (level - low) / (high - low)
    means = {m: roll("mean", level, m * MONTH) for m in (3, 10, 12)}
    f |= {f"level_to_mean_{m}": level / mean - 1.0 for m, mean in means.items()}
    f["crossover_3_12"] = means[3] / means[12] - 1.0
    f["risk_adjusted_momentum_12"] = roll("mean", excess, y) / roll("std", excess, y)
    f["trend_consistency_12"] = roll("mean", (excess > 0.0).astype(float).where(excess.notna()), y)
    return f | of_the_market(returns, cash, market, f, roll)


def of_the_market(returns, cash, market, f, roll):
    y = 12 * MONTH
    level = (1.0 + market).cumprod()
    out = {f"market_return_{m}": np.expm1(roll("sum", np.log1p(market), m * MONTH)) for m in (1, 12)}
    out |= {f"market_volatility_{m}": roll("std", market, m * MONTH) for m in (3, 12)}
    out["market_trend_10"] = level / roll("mean", level, 10 * MONTH) - 1.0
    out["market_drawdown_12"] = level / roll("max", level, y) - 1.0
    above = f["level_to_mean_10"].where(returns.notna())
    out["breadth_10"] = (above > 0.0).astype(float).where(above.notna()).mean(axis=1)
    out["dispersion_1"] = f["return_1"].where(returns.notna()).std(axis=1)
    z = (returns - roll("mean", returns, y)) / f["volatility_12"]
    n, squares, total = z.count(axis=1), (z * z).sum(axis=1), z.sum(axis=1)
    pairs = ((total * total - squares) / (n * (n - 1.0))).where(n > 1)
    variance = (squares / n).where(n > 1)
    out["average_correlation_12"] = roll("mean", pairs, y) / roll("mean", variance, y)
    out["cash_yield"] = 12.0 * roll("sum", cash, MONTH)
    return out


def against_the_market(returns, cash, market, roll):
    window = 36 * MONTH
    excess = returns.sub(cash, axis=0)
    # The market in rows where the asset has a value: a beta uses rows that have both.
    values = np.where(returns.notna(), (market - cash).to_numpy()[:, None], np.nan)
    shared = pd.DataFrame(values, returns.index, returns.columns)
    pair = excess.rolling(window, min_periods=required_count(window))
    n = pair.count()
    f = {"beta_36": pair.cov(shared) / roll("std", shared, window) ** 2}
    f["correlation_36"] = pair.corr(shared)
    unexplained = roll("std", excess, window) ** 2 * (1.0 - f["correlation_36"] ** 2)
    f["idiosyncratic_volatility_36"] = np.sqrt(unexplained * (n - 1.0) / (n - 2.0))
    residual = (excess - f["beta_36"] * shared).shift(MONTH)
    spread = roll("std", residual, 11 * MONTH) * np.sqrt(MONTH)
    f["residual_momentum_12_1"] = MONTH * roll("mean", residual, 11 * MONTH) / spread
    return f


def across_assets(f, panel, names):
    """Add scores and ranks of the computed features among the assets listed at each date."""
    listed = pd.DataFrame(panel.listed)
    for name in names:
        base, _, kind = name.rpartition("_")
        if kind == "z" and base in f:
            x = f[base].where(listed)
            f[name] = x.sub(x.mean(axis=1), axis=0).div(x.std(axis=1, ddof=0), axis=0)
        elif kind == "rank" and base in f:
            x = f[base].where(listed)
            f[name] = x.rank(axis=1).sub(1.0).div(x.count(axis=1) - 1.0, axis=0) - 0.5
    return f


def compared(panel, names, ours, theirs):
    """Raise AssertionError unless all columns agree where they are warm and the asset is listed."""
    for name in names:
        rows = slice(ours.warm[ours.names.index(name)], None)
        expected = theirs[name].to_numpy()
        expected = np.broadcast_to(expected[:, None] if expected.ndim == 1 else expected, panel.returns.shape)
        got = ours.column(name)[rows]
        there = np.isfinite(got)
        assert there.any(), name
        np.testing.assert_allclose(got[there], expected[rows][there], rtol=1e-5, atol=1e-8, err_msg=name)


@contextmanager
def reused(array):
    """Make matrices use this memory."""
    new = MatrixBuffer.allocate
    MatrixBuffer.allocate = lambda rows, *_: MatrixBuffer(array, rows)
    try:
        yield
    finally:
        MatrixBuffer.allocate = new


def contenders():
    bottleneck, numbagg, polars = (library(name) for name in ("bottleneck", "numbagg", "polars"))
    rolls = {"pandas": by_pandas}
    if bottleneck:
        rolls["bottleneck"] = with_bottleneck(bottleneck)
    if bottleneck and numbagg:
        rolls["bottleneck and numbagg"] = with_bottleneck(bottleneck, numbagg)
    if polars:
        rolls["polars"] = with_polars(polars)
    return {**rolls, "pandas groupby": by_groupby}


def timed(size, rolls) -> None:
    panel = made_up(*(int(n) for n in size.split("x")))
    stages = ("asset", "market", "cross_section", "bar")
    ours = build_matrix(panel, include=stages)
    theirs = across_assets(features(panel, by_pandas), panel, ours.names)
    names = [name for name in ours.names if name in theirs]
    compared(panel, names, ours, theirs)
    first = build_matrix(panel, include=names, workers=1)
    memory = first.buffer.array
    del ours, theirs

    def again():
        with reused(memory):
            build_matrix(panel, include=names, workers=1)

    runs = {
        "ours, memory reused": again,
        "ours, memory new": lambda: build_matrix(panel, include=names, workers=1),
    }
    for library, roll in rolls.items():
        runs[library] = lambda r=roll: across_assets(features(panel, r), panel, names)
    taken = {library: [] for library in runs}
    for turn in range(ROUNDS + 1):
        for library, run in runs.items():
            began = time.process_time(), time.perf_counter()
            run()
            if turn:  # the first round compiles and fills caches
                taken[library].append((time.process_time() - began[0], time.perf_counter() - began[1]))
    print(f"{size}: {len(names)} features agree with pandas", flush=True)
    base = [cpu for cpu, _ in taken["ours, memory reused"]]
    for library, times in taken.items():
        cpu, wall = median(c for c, _ in times), median(w for _, w in times)
        ratio = median(c / b for (c, _), b in zip(times, base, strict=True))
        print(f"  {library:<24}{cpu:8.3f} s of processor{wall:8.2f} s{ratio:8.1f}x", flush=True)


def main() -> None:
    numba.set_num_threads(1)
    rolls = contenders()
    for size in sys.argv[1:] or ("2500x20", "2500x100", "2500x1000"):
        timed(size, rolls)


if __name__ == "__main__":
    main()
