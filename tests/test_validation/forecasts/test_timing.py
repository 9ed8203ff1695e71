"""The test of timing against a loop, its size for forecasts that know the past, and its power."""

import math

import numpy as np
import pytest

from validation.errors import StatisticError
from validation.forecasts.permutation import permutation_test_ic
from validation.forecasts.scores import hac_mean, information_coefficient
from validation.forecasts.timing import timing_test

N_DATES, N_ASSETS, BEFORE = 168, 8, 60


def outcomes(rng, n_dates=N_DATES, spread=0.2, reversal=0.0):
    """Return outcomes of constant means that differ by asset, (BEFORE + D, N), and what can be known of the next."""
    mean = rng.normal(0, spread, N_ASSETS)
    shocks = rng.normal(size=(BEFORE + n_dates, N_ASSETS))
    own = np.zeros_like(shocks)
    for t in range(1, len(own)):
        own[t] = -reversal * own[t - 1] + shocks[t]
    known = -np.vstack([np.zeros(N_ASSETS), own[:-1]])
    return mean + own, known, mean


def trailing(y, width):
    """Return the mean of the last `width` outcomes before each date from BEFORE on."""
    return np.array([y[max(0, t - width) : t].mean(axis=0) for t in range(BEFORE, len(y))])


FORECASTS = {
    "means so far": lambda y, known, mean: trailing(y, 10**6),
    "momentum": lambda y, known, mean: trailing(y, 12),
    "reversal": lambda y, known, mean: -trailing(y, BEFORE),
    "true means and reversal": lambda y, known, mean: mean - 0.5 * trailing(y, BEFORE),
    "true means and noise": lambda y, known, mean: (
        mean + np.random.default_rng(len(y)).normal(size=(N_DATES, N_ASSETS))
    ),
}


@pytest.mark.parametrize("rank", [True, False])
def test_it_is_the_mean_of_what_a_loop_finds(rank):
    rng = np.random.default_rng(0)
    f, y = rng.normal(size=(2, 40, 5))
    f[3, 2], y[7, :2], f[20], y[30:, 4] = np.nan, np.nan, np.nan, np.nan
    scored = []
    for t in range(40):
        pair = np.isfinite(f[t]) & np.isfinite(y[t])
        if pair.sum() < 3:
            continue
        rows = []
        for values in (f[t], y[t]):
            kept = np.where(pair, values, np.nan)
            if rank:
                order = np.array([np.sum(kept[pair] <= v) if np.isfinite(v) else np.nan for v in kept])
                centred = order - np.nanmean(order)
                kept = centred / np.sqrt(np.nansum(centred**2))
            rows.append(kept)
        scored.append(rows)
    products = []
    for t in range(len(scored)):
        total, any_pair = 0.0, False
        for i in range(5):
            past = [rows[0][i] for rows in scored[:t] if np.isfinite(rows[0][i])]
            future = [rows[1][i] for rows in scored[t + 1 :] if np.isfinite(rows[1][i])]
            if np.isfinite(scored[t][0][i]) and past and future:
                c = len(future)
                change = scored[t][0][i] - np.mean(past)
                total += change * (scored[t][1][i] - np.mean(future)) * math.sqrt(c / (c + 1))
                any_pair = True
        if any_pair:
            products.append(total)
    found = timing_test(f, y, rank=rank)
    assert found.n == len(products)
    assert found.mean == pytest.approx(np.mean(products))
    assert found.p_value == pytest.approx(hac_mean(np.array(products), 0, 0).p_greater)


def rejections(forecast, runs=300, **options):
    """Return how often the test, the plain test of the IC and the permutation test reject at 5 %."""
    rng, timing, plain, shuffled = np.random.default_rng(1), [], [], []
    for k in range(runs):
        y, known, mean = outcomes(rng, **options)
        f, y = forecast(y, known, mean), y[BEFORE:]
        timing.append(timing_test(f, y).p_value)
        plain.append(hac_mean(information_coefficient(f, y), 0, 0).p_greater)
        shuffled.append(permutation_test_ic(f, y, block=6, n_permutations=99, seed=k).p_value)
    return tuple(float(np.mean(np.array(p) <= 0.05)) for p in (timing, plain, shuffled))


@pytest.mark.parametrize("name", FORECASTS)
def test_means_that_differ_are_no_timing_whatever_the_forecast_made_of_the_past(name):
    timing, plain, shuffled = rejections(FORECASTS[name])
    assert timing < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)
    assert timing > 0.005, "a test that never rejects has no power either"
    if name in ("means so far", "momentum"):
        assert plain > 0.5
        assert shuffled < 0.02, "shuffling dates is biased against forecasts that follow the past"
    if name == "true means and reversal":
        assert plain > 0.5
        assert shuffled > 0.3, "and for those that go against it: both other tests fail at once"


def test_a_signal_is_found_beside_means_that_differ():
    timing, _, _ = rejections(lambda y, known, mean: known[BEFORE:] + mean, 100, reversal=0.2)
    assert timing > 0.9
    alone, plain, _ = rejections(lambda y, known, mean: known[BEFORE:], 100, spread=0.0, reversal=0.1)
    assert alone > plain - 0.05, "next to no power is lost where means do not differ"


def test_overlapping_outcomes_do_not_count_twice():
    rng, p = np.random.default_rng(2), []
    for _ in range(300):
        y, _, mean = outcomes(rng, 245)
        f = mean - trailing(y, 24)[:240]
        total = np.cumsum(y, axis=0)
        p.append(timing_test(f, (total[5:] - total[:-5])[BEFORE - 1 :][: len(f)], 4).p_value)
    assert np.mean(np.array(p) <= 0.05) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("rank", [True, False])
def test_a_forecast_that_never_changes_has_no_timing(rank):
    y = np.random.default_rng(3).normal(0.3, 1, size=(90, 5))
    found = timing_test(np.tile([0.1, 0.7, -0.3, 1e-3, 1 / 3], (90, 1)), y, rank=rank)
    assert (found.mean, found.p_value) == (0, 1)
    late = np.full((90, 5), np.nan)
    late[40:] = [3, 1, 2, 5, 4]
    assert timing_test(late, y, rank=rank).p_value == 1


@pytest.mark.parametrize("n", [0, 1, 9])
def test_too_little_is_unknown(n):
    values = np.random.default_rng(4).normal(size=(n, 4))
    assert np.isnan(timing_test(values, values).p_value)
    assert np.isnan(timing_test(values[:, :2], values[:, :2]).p_value)


def test_two_assets_have_no_ranks_but_returns():
    f = np.random.default_rng(5).normal(size=(200, 2))
    y = f + np.random.default_rng(6).normal(size=(200, 2))
    assert np.isnan(timing_test(f, y).p_value)
    assert timing_test(f, y, rank=False).p_value < 1e-6


def test_what_does_not_fit_is_refused():
    with pytest.raises(StatisticError, match=r"forecast \(20, 3\), realised \(20, 1\)"):
        timing_test(np.ones((20, 3)), np.ones((20, 1)))
