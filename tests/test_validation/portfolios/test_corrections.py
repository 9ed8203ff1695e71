"""Corrections against statsmodels, and against what they promise."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from validation.errors import StatisticError
from validation.portfolios.corrections import benjamini_hochberg, holm


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("ours", "theirs"), [(benjamini_hochberg, "fdr_bh"), (holm, "holm")])
def test_adjusted_p_values_are_those_of_statsmodels(ours, theirs, seed):
    rng = np.random.default_rng(seed)
    p = np.round(rng.random(40) ** 3, 3)  # with ties
    np.testing.assert_allclose(ours(p), multipletests(p, method=theirs)[1], rtol=1e-12)


def test_what_was_not_tested_counts_for_nothing():
    p = np.array([np.nan, 0.01, np.nan, 0.04])
    np.testing.assert_allclose(benjamini_hochberg(p), [np.nan, 0.02, np.nan, 0.04])
    np.testing.assert_allclose(holm(p), [np.nan, 0.02, np.nan, 0.04])
    assert len(holm([])) == 0
    assert np.isnan(benjamini_hochberg([np.nan])).all()


def test_false_discoveries_and_false_alarms_are_as_rare_as_promised():
    """Of 40 tests 10 are of something real: a tenth of the finds may be false; Holm rarely has even one."""
    rng, shares, any_false = np.random.default_rng(0), [], []
    for _ in range(2000):
        p = rng.random(40)
        p[:10] = rng.beta(0.1, 20, size=10)
        found = benjamini_hochberg(p) <= 0.1
        shares.append(found[10:].sum() / max(found.sum(), 1))
        any_false.append((holm(p)[10:] <= 0.1).any())
    assert 0.06 < np.mean(shares) < 0.09  # q times the share that is null, 0.075
    assert np.mean(any_false) < 0.115


def test_no_p_value_is_refused():
    with pytest.raises(StatisticError, match=r"between 0 and 1, got -0\.1 to 0\.5"):
        holm([0.5, -0.1])
    with pytest.raises(StatisticError, match=r"got 0\.2 to inf"):
        benjamini_hochberg([np.inf, 0.2])
