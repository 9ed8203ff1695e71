"""Measure the value of trading toward an aim portfolio, compared with one-period trading with known costs.

Run with `OMP_NUM_THREADS=1 .venv/bin/python benchmarks/trading_speed.py`; it takes some minutes. In the simulated
markets each asset's expected return is the sum of a fast and a slow signal. All contenders know the signals, but not
the future. Utility is the annual sum (252 periods) of x'mu - gamma/2 x'Sigma x - cost of trades, in percent of wealth,
after a burn-in, with the standard error over paths; differences are paired by path.

1. Quadratic costs, no limits: the closed form, compared with one-period rules. The "tuned" rule uses the multiple of
the
   cost that is best in hindsight on the same paths, which is an advantage.
2. The same, long only and fully invested, with the allocators.
3. Proportional costs, long only, with the allocators: `AimPortfolio` takes its quadratic cost from `matching_cost` at a
   typical trade, so its cost model is misspecified; `MeanVariance` spreads its cost over cost_periods. All settings are
   shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.trading.garleanu_pedersen import AimPortfolio, Signals
from allocation.trading.trading_speed import Preferences, matching_cost, trading_rule

GAMMA, DISCOUNT = 5.0, 0.0002
DECAY = np.array([0.15, 0.01])
INFORMATION = np.array([0.06, 0.04])
"""Standard deviation of each signal's expected return, in daily standard deviations of return."""
YEAR, BURN = 252, 126


def market(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return a daily covariance with one common factor, correlation about a half."""
    volatility = rng.uniform(0.15, 0.35, n) / np.sqrt(YEAR)
    loading = rng.uniform(0.6, 0.8, n)
    correlation = np.outer(loading, loading) + np.diag(1 - loading**2)
    return np.outer(volatility, volatility) * correlation


def signal_paths(sigma: np.ndarray, paths: int, periods: int, rng: np.random.Generator) -> np.ndarray:
    """Return expected returns by signal, shape (paths, periods, 2, n): independent first-order autoregressions."""
    n = len(sigma)
    size = INFORMATION[:, None] * np.sqrt(np.diag(sigma))
    f = rng.normal(size=(paths, 2, n)) * size
    out = np.empty((paths, periods, 2, n))
    stay = (1 - DECAY)[:, None]
    for t in range(periods):
        out[:, t] = f
        f = stay * f + np.sqrt(1 - stay**2) * size * rng.normal(size=f.shape)
    return out


def yearly(per_period: np.ndarray) -> np.ndarray:
    """Return each path's annual utility, in percent of wealth, without the burn-in."""
    return 100 * YEAR * per_period[:, BURN:].mean(axis=1)


def linear_rule(f, sigma, cost, rate, target) -> np.ndarray:
    """Return utilities (paths, periods) of x += rate (sum_k target_k f_k - x), all matrices."""
    goal = np.einsum("kij,ptkj->pti", target, f)
    x = np.zeros((len(f), len(sigma)))
    out = np.empty(f.shape[:2])
    for t in range(f.shape[1]):
        trade = (goal[:, t] - x) @ rate.T
        x = x + trade
        mu = f[:, t].sum(axis=1)
        risk = ((x @ sigma) * x).sum(axis=1)
        out[:, t] = (x * mu).sum(axis=1) - GAMMA / 2 * risk - ((trade @ cost) * trade).sum(axis=1) / 2
    return out


def report(title: str, results: dict[str, np.ndarray], reference: str) -> None:
    print(f"\n{title}\n")
    print("| contender | utility, % a year | less the first, paired |")
    print("|---|---|---|")
    for name, values in results.items():
        gap = values - results[reference]
        error, gap_error = (v.std(ddof=1) / np.sqrt(len(v)) for v in (values, gap))
        beside = "" if name == reference else f"{gap.mean():+.2f} ± {gap_error:.2f}"
        print(f"| {name} | {values.mean():.2f} ± {error:.2f} | {beside} |")


def quadratic(n: int = 15, paths: int = 200, periods: int = 1386) -> None:
    for lam in (50.0, 500.0, 5000.0):
        rng = np.random.default_rng(0)
        sigma = market(n, rng)
        f = signal_paths(sigma, paths, periods, rng)
        cost, kept = lam * sigma, 1 - DISCOUNT
        both = np.hstack([np.eye(n), np.eye(n)])
        rule = trading_rule(sigma, both, np.repeat(DECAY, n), cost, Preferences(GAMMA, DISCOUNT))
        aim = np.stack([rule.aim[:, :n], rule.aim[:, n:]])
        markowitz = np.stack([np.linalg.inv(GAMMA * sigma)] * 2)

        def toward(share, f=f, sigma=sigma, cost=cost, markowitz=markowitz):
            return yearly(linear_rule(f, sigma, cost, share * np.eye(n), markowitz))

        def one_period(multiple, lam=lam, kept=kept):
            return kept * GAMMA / (multiple * lam + kept * GAMMA)

        # The one-period rule moves a fixed fraction toward Markowitz; only this fraction depends on the assumed cost.
        tuned = {m: toward(one_period(m)) for m in np.geomspace(0.005, 4, 25)}
        best = max(tuned, key=lambda m: tuned[m].mean())
        results = {
            f"aim portfolio (rate {rule.rate[0, 0]:.3f})": yearly(
                linear_rule(f, sigma, cost, rule.rate, aim)
            ),
            f"one period with costs (share {one_period(1):.4f})": toward(one_period(1)),
            f"the same, tuned in hindsight: cost times {best:.3g} (share {one_period(best):.3f})": tuned[
                best
            ],
            "Markowitz, costs not counted": toward(1.0),
        }
        report(f"Quadratic costs, lambda = {lam:g}, {n} assets, {paths} paths", results, next(iter(results)))


class OnePeriod:
    """Maximise mu'w - gamma/2 w'Sigma w - lambda/2 (w - held)'Sigma (w - held), which ignores later periods."""

    def __init__(self, inner: MeanVariance, lam: float) -> None:
        self.inner, self.lam = inner, lam

    def solve(self, position, mu, sigma, held, universe, *, validate=True):
        """Return the optimal weights of one period."""
        mu = GAMMA / (GAMMA + self.lam) * (mu + self.lam * sigma @ held)
        return self.inner.solve(position, mu, sigma, held, universe)


def trade_all(allocator, sigma, f, cost: Callable[[np.ndarray], float]) -> tuple[np.ndarray, float]:
    """Return utilities (paths, periods) of an allocator, and its annual turnover."""
    n = len(sigma)
    universe = np.ones(n, dtype=bool)
    out, turnover = np.empty(f.shape[:2]), 0.0
    for p in range(len(f)):
        x = np.full(n, 1 / n)
        for t in range(f.shape[1]):
            mu = f[p, t].sum(axis=0)
            new = allocator.solve(p * f.shape[1] + t, mu, sigma, x, universe).weights
            trade, x = new - x, new
            out[p, t] = x @ mu - GAMMA / 2 * x @ sigma @ x - cost(trade)
            turnover += float(np.abs(trade).sum()) if t >= BURN else 0.0
    return out, turnover * YEAR / (len(f) * (f.shape[1] - BURN))


def long_only(title: str, contenders, sigma, f, cost) -> None:
    """Simulate the allocators, and report them beside the best aim portfolio."""
    results = {}
    for name, allocator in contenders.items():
        start = time.process_time()
        values, turnover = trade_all(allocator, sigma, f, cost)
        each = 1e6 * (time.process_time() - start) / values.size
        results[f"{name} (turnover {turnover:.1f}, {each:.0f} µs a decision)"] = yearly(values)
    best = max((r for r in results if r.startswith("aim")), key=lambda r: results[r].mean())
    report(title, {best: results.pop(best)} | results, best)


def limited(n: int = 10, paths: int = 12, periods: int = 504) -> None:
    rng = np.random.default_rng(1)
    sigma = market(n, rng)
    f = signal_paths(sigma, paths, periods, rng)
    assets, limits = tuple(f"a{i}" for i in range(n)), Constraints(maximum=0.5)
    flat = f.reshape(paths * periods, 2, n)
    signals = Signals(np.arange(len(flat)), flat, np.tile(DECAY, (len(flat), 1)))

    def inner(cost: float = 0.0) -> MeanVariance:
        return MeanVariance(assets, limits, risk_aversion=GAMMA, cost=cost)

    def aim(lam: float) -> AimPortfolio:
        return AimPortfolio(inner(), Preferences(GAMMA, DISCOUNT), cost=lam, signals=signals)

    about = f"long only, {n} assets, {paths} paths"
    for lam in (50.0, 500.0):
        contenders = {"aim": aim(lam)} | {
            f"one period, cost times {m:g}": OnePeriod(inner(), m * lam) for m in (1, 0.5, 0.25, 0.1, 0.05)
        }
        long_only(
            f"Quadratic costs, lambda = {lam:g}, {about}",
            contenders,
            sigma,
            f,
            lambda d, lam=lam: lam / 2 * d @ sigma @ d,
        )
    for cost in (0.0005, 0.002):
        variance = float(np.diag(sigma).mean())
        contenders = {
            f"aim, typical trade {trade:g}": aim(matching_cost(cost, variance, trade))
            for trade in (0.01, 0.02, 0.05, 0.1, 0.2)
        } | {f"one period, cost_periods {m}": inner(cost / m) for m in (1, 2, 3, 5, 10, 20)}
        long_only(
            f"Proportional costs of {1e4 * cost:g} bp, {about}; first the best aim",
            contenders,
            sigma,
            f,
            lambda d, cost=cost: cost * float(np.abs(d).sum()),
        )


if __name__ == "__main__":
    quadratic()
    limited()
