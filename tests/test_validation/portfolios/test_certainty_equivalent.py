"""The gain in certainty equivalent: its number, its error, and how often its test is wrong."""

import math

import numpy as np
import pytest
from scipy import stats

from validation.errors import StatisticError
from validation.forecasts.scores import hac_mean
from validation.portfolios.certainty_equivalent import (
    CertaintyEquivalentGain,
    _remove_skewness,
    _restore_skewness,
    certainty_equivalent_gain,
    length_to_show,
)

GAMMA = 5.0


def _null(rng, n, lever, heavy, active=0.02):
    """Return two series whose certainty equivalents are the same in truth, though the first is riskier."""
    z = rng.standard_t(5, size=(n, 2)) * math.sqrt(3 / 5) if heavy else rng.normal(size=(n, 2))
    b = 0.005 + 0.04 * z[:, 0]
    more = (lever * 0.04) ** 2 + active**2 - 0.04**2
    return 0.005 + GAMMA / 2 * more + lever * 0.04 * z[:, 0] + active * z[:, 1], b


def test_the_gain_is_that_of_means_and_variances():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.01, 0.04, (2, 200))
    found = certainty_equivalent_gain(a, b, GAMMA)
    assert found.gain == pytest.approx(a.mean() - 2.5 * a.var() - b.mean() + 2.5 * b.var())
    back = certainty_equivalent_gain(b, a, GAMMA)
    assert back.gain == pytest.approx(-found.gain)
    assert back.stderr == pytest.approx(found.stderr)
    assert (back.p_greater, back.p_less) == pytest.approx((found.p_less, found.p_greater))


def test_the_standard_error_is_the_spread_of_the_gain():
    rng = np.random.default_rng(7)
    found = [certainty_equivalent_gain(*_null(rng, 300, 1.2, False), GAMMA) for _ in range(300)]
    spread = np.std([f.gain for f in found])
    assert np.mean([f.stderr for f in found]) == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("lever", [0.7, 1.0, 1.3])
def test_it_rejects_a_true_null_about_as_often_as_it_says(lever):
    rng, runs = np.random.default_rng(11), 300
    found = [certainty_equivalent_gain(*_null(rng, 240, lever, True), GAMMA) for k in range(runs)]
    error = math.sqrt(0.05 * 0.95 / runs)
    # Where one portfolio is riskier and tails are fat, no test of 240 months is exact; docs/evidence.md has the sizes.
    assert np.mean([f.p_greater <= 0.05 for f in found]) < 0.07 + 3 * error
    assert np.mean([f.p_less <= 0.05 for f in found]) < 0.07 + 3 * error
    outside = np.mean([not f.interval[0] <= 0 <= f.interval[1] for f in found])
    assert outside < 0.07 + 3 * error


def test_a_real_gain_and_a_real_loss_are_found():
    rng = np.random.default_rng(3)
    a, b = _null(rng, 300, 1.0, True, active=0.01)
    better = certainty_equivalent_gain(a + 0.003, b, GAMMA)
    assert better.p_greater < 0.01
    assert better.p_less > 0.9
    assert better.interval[0] > 0
    worse = certainty_equivalent_gain(a - 0.003, b, GAMMA)
    assert worse.p_less < 0.01
    assert worse.interval[1] < 0


def test_interval_and_p_values_agree():
    rng = np.random.default_rng(5)
    for _ in range(40):
        a, b = _null(rng, 100, 1.1, True)
        found = certainty_equivalent_gain(a + 0.002 * rng.normal(), b, GAMMA)
        assert (found.interval[0] > 0) == (found.p_greater < 0.025)
        assert (found.interval[1] < 0) == (found.p_less < 0.025)


def test_without_skewness_it_is_students_test_with_a_hac_error():
    rng = np.random.default_rng(9)
    a = rng.normal(0.001, 0.03, 2000)
    found, student = certainty_equivalent_gain(a, np.zeros_like(a), 0.0), hac_mean(a)
    assert (found.gain, found.stderr) == (student.mean, student.stderr)
    assert abs(found.skewness) < 0.02
    assert found.p_greater == pytest.approx(student.p_greater, abs=0.005)
    assert found.interval == pytest.approx(student.interval, rel=0.05)


def test_the_transformation_and_its_inverse_agree():
    for skewness in (-2.0, -0.3, -1e-7, 0.0, 1e-7, 0.3, 2.0):
        for t in (-4.0, -1.0, 0.0, 0.5, 3.0):
            assert _restore_skewness(_remove_skewness(t, skewness), skewness) == pytest.approx(t, abs=1e-6)


def test_removing_skewness_makes_the_test_of_a_skewed_mean_exact_where_students_is_not():
    """The oracle is the known distribution: exponential values of mean 1."""
    rng, runs = np.random.default_rng(2), 1000
    student, corrected = [], []
    for sample in rng.exponential(size=(runs, 40)) - 1.0:
        student.append(stats.ttest_1samp(sample, 0.0, alternative="less").pvalue)
        corrected.append(certainty_equivalent_gain(sample, np.zeros(40), 0.0).p_less)
    error = math.sqrt(0.05 * 0.95 / runs)
    assert np.mean(np.array(student) < 0.05) > 0.05 + 5 * error
    assert np.mean(np.array(corrected) < 0.05) < 0.07 + 3 * error


def test_few_dates_that_differ_give_no_endless_interval():
    a = np.zeros(200)
    a[[20, 90, 150]] = [0.01, -0.02, 0.005]
    found = certainty_equivalent_gain(a, np.zeros(200), GAMMA)
    assert found.interval[0] > found.gain - 15 * found.stderr
    assert found.interval[1] < found.gain + 15 * found.stderr


@pytest.mark.parametrize("n", [0, 1, 9, 50])
def test_where_nothing_differs_only_the_gain_is_a_number(n):
    x = np.random.default_rng(0).normal(size=n)
    found = certainty_equivalent_gain(x, x, GAMMA)
    assert found.gain == 0 or n == 0
    assert math.isnan(found.p_greater)
    assert math.isnan(found.p_less)
    assert math.isnan(found.stderr)
    assert np.isnan(found.interval).all()


def test_other_shapes_are_refused():
    with pytest.raises(StatisticError):
        certainty_equivalent_gain(np.zeros(20), np.zeros(21), GAMMA)


def found_with(t, skewness, dof=60.0):
    return CertaintyEquivalentGain(t, 1.0, math.nan, math.nan, (math.nan, math.nan), skewness, dof)


@pytest.mark.parametrize("skewness", [-0.8, -0.1, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("power", [0.5, 0.8])
def test_the_length_to_show_is_the_first_at_which_the_expected_statistic_passes(skewness, power):
    t, dof = 0.7, 60.0
    wanted = stats.t.isf(0.05, dof) + stats.t.ppf(power, dof)
    lengths = np.linspace(1, 60, 200_000)
    reached = [_remove_skewness(t * math.sqrt(k), skewness / math.sqrt(k)) for k in lengths]
    first = lengths[np.argmax(np.array(reached) >= wanted)]
    assert length_to_show(found_with(t, skewness, dof), 0.05, power) == pytest.approx(first, abs=1e-3)


def test_a_gain_that_is_not_shown_needs_more_data_than_there_is():
    rng = np.random.default_rng(4)
    for _ in range(60):
        a, b = _null(rng, 150, 1.2, True)
        found = certainty_equivalent_gain(a + 0.002, b, GAMMA)
        more = length_to_show(found, 0.05, 0.5)
        assert (more >= 1) == (found.p_greater >= 0.05), "the two must not contradict each other"
        if found.gain <= 0:
            continue
        assert length_to_show(found, 0.05, 0.8) > more
        assert length_to_show(found, 0.01, 0.5) > more, "a correction for trials takes more"


def test_half_of_the_samples_of_that_length_show_the_gain():
    rng, true = np.random.default_rng(6), 0.001
    active = 0.01 * rng.normal(size=400)
    seen = certainty_equivalent_gain(active - active.mean() + true, np.zeros(400), 0.0)
    for power in (0.5, 0.8):
        n = round(400 * length_to_show(seen, 0.05, power))
        shown = [
            certainty_equivalent_gain(rng.normal(true, 0.01, n), np.zeros(n), 0.0).p_greater < 0.05
            for _ in range(400)
        ]
        assert np.mean(shown) == pytest.approx(power, abs=0.1)


def test_no_length_shows_a_gain_that_is_none_and_equal_portfolios_have_no_length():
    assert length_to_show(found_with(-0.5, 0.1), 0.05, 0.5) == math.inf
    assert math.isnan(length_to_show(certainty_equivalent_gain(np.ones(50), np.ones(50), GAMMA), 0.05, 0.5))
