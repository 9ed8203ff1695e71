"""Size of each test of `validation/`: rejection rate of a true null at 5 %, on data that violate simple assumptions.

Run with `.venv/bin/python benchmarks/size_of_tests.py` (three and a half minutes); the binomial error is printed.
Forecasts: 240 dates x 6 assets, four fifths of the variance shared, forecasts with an autocorrelation of 0.9.
Portfolios: common factor, Student's t, GARCH or autocorrelation. None has any skill.
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np
from scipy import signal

from validation.forecasts.calibration_tests import calibration, interval_coverage
from validation.forecasts.forecast_tests import clark_west, diebold_mariano, pesaran_timmermann
from validation.forecasts.permutation import permutation_test, permutation_test_ic
from validation.forecasts.regime_scores import regime_difference
from validation.forecasts.scores import hac_mean
from validation.portfolios.best_of_many import reality_check, stepm, superior_predictive_ability
from validation.portfolios.certainty_equivalent import certainty_equivalent_gain
from validation.portfolios.sharpe_difference import sharpe_difference

RUNS = 1000


def panel(rng: np.random.Generator, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    mix = lambda z: sqrt(0.8) * z[:, :1] + sqrt(0.2) * z[:, 1:]  # noqa: E731
    shocks = mix(rng.normal(size=(300 + horizon, 7)))
    realised = signal.lfilter(np.ones(horizon), [1.0], shocks, axis=0)[-240:] / sqrt(horizon)
    return signal.lfilter([1.0], [1.0, -0.9], mix(rng.normal(size=(300, 7))), axis=0)[-240:], realised


def forecasts(rng: np.random.Generator, horizon: int) -> Iterator[tuple[str, float]]:
    (f, y), over = panel(rng, horizon), horizon - 1
    zero = np.zeros_like(f)
    series = signal.lfilter(np.ones(horizon), [1.0], rng.normal(size=700 + horizon))[-700:]
    yield "mean of 700 dates, HAC", hac_mean(series, over).p_value
    yield "Clark-West", clark_west(0.1 * f, y, zero, over).p_greater
    yield "Diebold-Mariano", diebold_mariano((y - 0.1 * f) ** 2, (y + 0.1 * f) ** 2, horizon).p_value
    yield "Pesaran-Timmermann", pesaran_timmermann(f, y, over).p_value
    yield "calibration slope", calibration(f, y + f, over).p_slope
    yield "calibration, both", calibration(f, y + f, over).p_calibrated
    yield "coverage of 50 %", interval_coverage(zero, zero + 1, y, 0.5, over).p_value
    block = 4 * max(horizon, 5)
    yield "permutation", permutation_test(f, y, block=block, n_permutations=199).p_value
    yield "permutation of the IC", permutation_test_ic(f, y, block=block, n_permutations=199).p_value


def garch(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    shocks = rng.standard_t(6, size=(n + 100, k)) / sqrt(1.5)
    x, variance = np.zeros_like(shocks), np.ones(k)
    for t in range(n + 100):
        variance = 0.05 + 0.1 * x[t - 1] ** 2 + 0.85 * variance
        x[t] = np.sqrt(variance) * shocks[t]
    return x[100:]


def portfolios(rng: np.random.Generator, n: int) -> Iterator[tuple[str, float]]:
    x = 0.1 + signal.lfilter([1.0, 0.15], [1.0], garch(rng, n, 12), axis=0)
    x = x[:, :1] + x[:, 1:]
    yield "difference of Sharpe ratios", sharpe_difference(x[:, 0], x[:, 1], n_resamples=199).p_value
    yield "reality check of 10", reality_check(x[:, 1:], x[:, 0], n_resamples=199).upper
    yield "SPA of 10", superior_predictive_ability(x[:, 1:], x[:, 0], n_resamples=199).consistent
    yield "StepM of 10, any", 0.0 if stepm(x[:, 1:], x[:, 0], n_resamples=199).superior else 1.0
    labels = np.cumsum(rng.random(n) > 0.95) % 2
    test = regime_difference(labels, garch(rng, n, 1)[:, 0], 2)
    yield "regimes, mean, Wald", test.p_mean
    yield "regimes, volatility, Wald", test.p_volatility
    yield "regimes, mean, shifts", test.p_mean_shift
    yield "regimes, volatility, shifts", test.p_volatility_shift


def gains(rng: np.random.Generator, n: int) -> Iterator[tuple[str, float]]:
    """Yield tests of a gain in certainty equivalent whose true value is 0, with fat tails and with GARCH."""
    for kind, z in (("t(4)", rng.standard_t(4, size=(n, 2)) / sqrt(2)), ("GARCH", garch(rng, n, 2))):
        for lever in (0.7, 1.0, 1.3):
            more = (lever * 0.04) ** 2 + 0.02**2 - 0.04**2
            a, b = 2.5 * more + lever * 0.04 * z[:, 0] + 0.02 * z[:, 1], 0.04 * z[:, 0]
            test = certainty_equivalent_gain(a, b, 5.0)
            yield f"gain, {kind}, {lever:g} times the risk", test.p_greater
            yield f"loss, {kind}, {lever:g} times the risk", test.p_less


def main() -> None:
    print(f"{RUNS} samples each; binomial error {100 * sqrt(0.05 * 0.95 / RUNS):.1f} points")
    for title, draw, sizes in (
        ("horizon", forecasts, (1, 5, 21)),
        ("dates", portfolios, (200, 600)),
        ("dates", gains, (200, 600)),
    ):
        rates = {}
        for size in sizes:
            rng = np.random.default_rng(size)
            for _ in range(RUNS):
                for name, p in draw(rng, size):
                    rates.setdefault(name, {}).setdefault(size, []).append(p <= 0.05)
        print(f"\n{title:<36}" + "".join(f"{size:>9}" for size in sizes))
        for name, by in rates.items():
            print(f"{name:<36}" + "".join(f"{100 * np.mean(by[size]):>7.1f} %" for size in sizes))


if __name__ == "__main__":
    main()
