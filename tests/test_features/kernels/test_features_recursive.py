"""Recursions against pandas, and continued from saved states."""

import numpy as np
import pandas as pd
import pytest

from features.kernels.carried_state import Continuation, use_continuation
from features.kernels.recursive import ewm, ewm_mean, running_max, wealth

RECURSIONS = {
    "ewm_mean": lambda x: ewm_mean(x, 7.0),
    "ewm": lambda x: ewm(x, alpha=1.0 / 14.0),
    "running_max": running_max,
    "wealth": wealth,
    "two of them": lambda x: wealth(x) / running_max(wealth(x)) - ewm(x, span=9.0),
}


def sample(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(0.01, 0.05, (90, 4))
    x[rng.uniform(size=x.shape) < 0.08] = np.nan
    x[:20, 1] = np.nan
    x[70:, 2] = np.inf
    x[40:60, 0] = np.nan
    x[:, 3] = np.nan
    return x


def warm(x, decay):
    """Return where the values present have half of the weight of an endless past, by a plain sum."""
    weights = np.empty(x.shape)
    for t in range(len(x)):
        weights[t] = (decay ** np.arange(t, -1, -1.0)[:, None] * np.isfinite(x[: t + 1])).sum(axis=0)
    return weights * (1.0 - decay) >= 0.5 - 1e-9


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("alpha", 1.0),
        ("alpha", 0.4),
        ("alpha", 1.0 / 14.0),
        ("span", 1.0),
        ("span", 12.0),
        ("span", 26.0),
        ("halflife", 0.4),
        ("halflife", 1.0),
        ("halflife", 3.0),
        ("halflife", 10.0),
    ],
)
def test_weighted_mean_equals_pandas_once_half_the_weight_is_there(how, value):
    x = sample()
    decay = {"alpha": 1.0 - value, "span": 1.0 - 2.0 / (value + 1.0), "halflife": 0.5 ** (1.0 / value)}[how]
    frame = pd.DataFrame(x).replace([np.inf, -np.inf], np.nan)
    expected = frame.ewm(**{how: value}).mean().to_numpy()
    actual = ewm(x, **{how: value})
    np.testing.assert_allclose(actual, np.where(warm(x, decay), expected, np.nan), rtol=1e-12, atol=1e-15)
    assert np.isfinite(actual).any()


def test_mean_by_halflife():
    np.testing.assert_array_equal(ewm_mean(sample(), 5.0), ewm(sample(), halflife=5.0))


def test_weighted_mean_starts_after_one_halflife():
    out = ewm_mean(np.full(6, 0.1), 3.0)
    assert np.isnan(out[:2]).all()
    np.testing.assert_array_equal(out[2:], 0.1)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"alpha": 0.1, "span": 3.0}, {"alpha": 0.0}, {"alpha": 1.1}, {"span": 0.5}, {"halflife": 0.0}],
)
def test_weights_must_make_sense(wrong):
    with pytest.raises(ValueError, match="expected"):
        ewm(np.ones(3), **wrong)


def test_running_max_equals_pandas():
    x = sample()
    frame = pd.DataFrame(x).replace([np.inf, -np.inf], np.nan)
    np.testing.assert_array_equal(running_max(x), frame.cummax().ffill())


def test_wealth_equals_numpy():
    x = sample()
    there = np.isfinite(x)
    expected = np.where(there, np.cumprod(1.0 + np.where(there, x, 0.0), axis=0), np.nan)
    np.testing.assert_array_equal(wealth(x), expected)
    np.testing.assert_array_equal(wealth(x[:, 0]), expected[:, 0])


@pytest.mark.parametrize("name", RECURSIONS)
@pytest.mark.parametrize("shape", [(4,), ()])
def test_continued_recursion_gives_the_same_bits(name, shape):
    x = sample() if shape else sample()[:, 0]
    with np.errstate(all="ignore"):
        whole = RECURSIONS[name](x)
        for known in range(1, 90):
            with use_continuation(Continuation()) as before:
                RECURSIONS[name](x[:known].copy())
            for history in (0, 5):
                first = max(known - 1 - history, 0)
                start = known - 1 - first
                with use_continuation(
                    Continuation(first_row=first, start=start, carried=tuple(before.saved))
                ) as after:
                    part = RECURSIONS[name](x[first:].copy())
                assert part[start:].tobytes() == whole[known - 1 :].tobytes(), (known, history)
            assert len(after.saved) == len(before.saved)


def test_states_that_were_carried_stay_as_they_were():
    with use_continuation(Continuation()) as before:
        wealth(sample()[:50])
    carried = before.saved[0].copy()
    with use_continuation(Continuation(first_row=49, start=0, carried=tuple(before.saved))) as after:
        wealth(sample()[49:].copy())
    np.testing.assert_array_equal(before.saved[0], carried)
    assert (after.saved[0][0, :2] != carried[0, :2]).all()
