"""Two samples: Kolmogorov-Smirnov against scipy and by enumeration, the stability index by hand."""

from itertools import combinations
from math import log

import numpy as np
import pytest
from scipy import stats

from validation.drift.two_samples import ks_p_value, stability_index
from validation.errors import StatisticError


@pytest.mark.parametrize(("n", "m"), [(5, 3), (30, 12), (9, 1), (700, 12), (200, 200), (2000, 90)])
@pytest.mark.parametrize("shift", [0.0, 0.3, 1.5])
def test_the_exact_p_value_is_that_of_scipy(n, m, shift):
    rng = np.random.default_rng(n + m)
    a, b = rng.normal(size=n), rng.normal(shift, 1, size=m)
    theirs = stats.ks_2samp(a, b, method="exact")
    assert ks_p_value(theirs.statistic, n, m) == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-15)
    assert ks_p_value(theirs.statistic, m, n) == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-15)


def test_the_p_value_is_the_share_of_all_orders():
    """By brute force: every way to choose which 4 of 11 ranks are the recent ones."""
    ranks = np.arange(11.0)
    distances = [
        stats.ks_2samp(np.delete(ranks, chosen), ranks[list(chosen)]).statistic
        for chosen in combinations(range(11), 4)
    ]
    for d in sorted(set(np.round(distances, 12))):
        share = np.mean(np.array(distances) >= d - 1e-9)
        assert ks_p_value(d, 7, 4) == pytest.approx(share, rel=1e-12)


def test_large_samples_have_the_limit_law_and_a_short_one_beside_a_long_one_does_not():
    a, b = np.random.default_rng(0).normal(size=(2, 3000))
    theirs = stats.ks_2samp(a, b + 0.05)
    assert ks_p_value(theirs.statistic, 3000, 3000) == pytest.approx(theirs.pvalue, rel=0.05)
    # The limit of a reference without end is the test against a known distribution.
    known = float(stats.kstwo.sf(0.6, 8))
    cut = ks_p_value(0.6, 10**6, 8)
    assert known < cut < 1.01 * known
    assert known / float(stats.kstwobign.sf(0.6 * 8**0.5)) < 0.7  # what the limit law would have said


@pytest.mark.parametrize("d", [0.0, 1.0])
def test_no_distance_and_the_largest(d):
    assert ks_p_value(d, 5, 2) == pytest.approx(1.0 if d == 0 else 2 / 21)


def test_the_stability_index_by_hand():
    """Of 10 values 5 lie in each half, of 4 recent ones 3 above. Each sample gets one more, shared as all 14 are."""
    low, high = 6 / 14, 8 / 14
    q = (5 + low) / 11, (5 + high) / 11
    p = (1 + low) / 5, (3 + high) / 5
    expected = sum((a - b) * log(a / b) for a, b in zip(p, q, strict=True))
    assert stability_index(np.array([5.0, 5]), np.array([1.0, 3])) == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(0.185, abs=5e-4)


def test_the_textbook_value_without_empty_bins():
    """Shares 0.1, 0.2, 0.3, 0.4 become 0.25 each, in samples so large that the one more observation is nothing."""
    q, p = np.array([0.1, 0.2, 0.3, 0.4]), np.full(4, 0.25)
    textbook = float(((p - q) * np.log(p / q)).sum())
    assert stability_index(1e9 * q, 1e9 * p) == pytest.approx(textbook, rel=1e-7)
    assert textbook == pytest.approx(0.2282, abs=5e-5)


def test_a_bin_that_is_empty_in_one_sample_is_finite_and_in_both_nothing():
    one = stability_index(np.array([10.0, 10, 0]), np.array([0.0, 5, 5]))
    assert 1 < one < 5
    more = stability_index(np.array([10.0, 10, 0, 0]), np.array([0.0, 5, 5, 0]))
    assert more == one
    assert stability_index(np.array([7.0, 3]), np.array([14.0, 6])) == pytest.approx(0.0, abs=1e-15)


def test_chance_alone_is_about_bins_less_one_over_the_smaller_sample():
    rng, even = np.random.default_rng(3), np.full(10, 0.1)
    before = np.full((400, 10), 400.0)  # bins of quantiles hold the same numbers
    found = stability_index(before, rng.multinomial(120, even, size=400).astype(float))
    assert found.mean() == pytest.approx(9 / 120, rel=0.1)


def test_an_empty_sample_is_refused():
    with pytest.raises(StatisticError, match="at least one value"):
        ks_p_value(0.5, 3, 0)
