"""Changes of a series: Page-Hinkley against river, CUSUM by hand, and false alarms as often as it says."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from validation.drift.change import page_hinkley, recent_p_value
from validation.errors import StatisticError


def test_page_hinkley_is_that_of_river():
    """river 0.26.1, PageHinkley(min_instances=1, delta=0.1, threshold=1e9, alpha=1.0), after each value:

    _sum_increase - _min_increase and _max_decrease - _sum_decrease, rounded to 10 digits.
    """
    values = np.array(
        [round(math.sin(3 * i) + (1.5 if i >= 20 else 0) - (2.5 if i >= 30 else 0), 3) for i in range(40)]
    )
    rise, fall = page_hinkley(values, 0.1)
    theirs_up = {5: 0.4855, 18: 0.0, 19: 0.325, 20: 1.3526190476, 21: 2.7795281385, 29: 10.6214881636}
    theirs_down = {
        5: 0.0,
        30: 0.4735806452,
        31: 2.7136743952,
        32: 3.0094016679,
        33: 5.2181663738,
        39: 11.6610371212,
    }
    np.testing.assert_allclose(rise[list(theirs_up)], list(theirs_up.values()), atol=1e-10)
    np.testing.assert_allclose(fall[list(theirs_down)], list(theirs_down.values()), atol=1e-10)


def test_with_a_known_mean_it_is_the_cusum():
    values, up, down = np.array([1.0, 3, -1, 4, -5, -5, 2]), 0.0, 0.0
    expected = []
    for value in values:
        up, down = max(0.0, up + value - 1 - 0.5), max(0.0, down - value + 1 - 0.5)
        expected.append((up, down))
    rise, fall = page_hinkley(values, 0.5, mean=1.0)
    np.testing.assert_allclose(np.column_stack([rise, fall]), expected, atol=1e-14)


def largest_rise(stretches, reference):
    return page_hinkley(stretches, 0.5 * reference.std(), reference.mean())[0].max(axis=1)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_false_alarms_are_about_as_frequent_as_it_says(rho):
    rng, found = np.random.default_rng(2), []
    for _ in range(400):
        x = lfilter([1], [1, -rho], rng.normal(size=812))[200:]
        found.append(recent_p_value(x, 12, largest_rise)[2])
    assert 0.02 < (np.array(found) <= 0.05).mean() < 0.085
    assert (np.array(found) <= 0.2).mean() == pytest.approx(0.2, abs=0.065)


def test_a_planted_rise_is_found_and_a_fall_is_not():
    rng, found = np.random.default_rng(3), []
    for move in (1.5, -1.5):
        x = rng.normal(size=(100, 612))
        x[:, 600:] += move
        found.append(np.mean([recent_p_value(row, 12, largest_rise)[2] <= 0.02 for row in x]))
    assert found[0] > 0.9
    assert found[1] == 0


def test_the_p_value_counts_stretches_and_is_never_smaller_than_they_are_worth():
    values = np.r_[np.arange(20.0), 9.0, 9.0]
    found, usual, p = recent_p_value(values, 2, lambda s, r: s.mean(axis=1))
    # Means of neighbours are 0.5, 1.5, ..., 18.5: of 19, ten are 9 and more.
    assert (found, usual) == (9.0, 9.5)
    assert p == pytest.approx((1 + 15 * 10 / 19) / (1 + 15))
    # 20 dates are worth 15 overlapping stretches of 2.
    assert recent_p_value(np.r_[values[:20], 99, 99], 2, lambda s, r: s.mean(axis=1))[2] == 1 / 16


def test_what_was_never_seen_before_is_told_from_what_never_varies():
    mean = lambda s, r: s.mean(axis=1)  # noqa: E731
    assert recent_p_value(np.r_[np.zeros(60), np.ones(6)], 6, mean)[2] == 1 / 16
    assert np.isnan(recent_p_value(np.zeros(66), 6, mean)[2])
    assert np.isnan(recent_p_value(np.arange(17.0), 6, mean)[2])


def test_a_negative_tolerance_is_refused():
    with pytest.raises(StatisticError, match="tolerance is -1"):
        page_hinkley(np.ones(3), -1)
