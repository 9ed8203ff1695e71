"""What features share: computed once in a tile, never mixed up, and never written to."""

import numpy as np
import pytest

from features.sharing import cached, share_results


def counted():
    """Return a function and the list of its calls."""
    calls = []

    def twice(x, k=2):
        calls.append(k)
        return k * x

    return twice, calls


def fixed(*values):
    x = np.array(values, dtype=np.float64)
    x.setflags(write=False)
    return x


def test_is_computed_once_for_views_of_the_same_memory():
    function, calls = counted()
    x = fixed(1.0, 2.0, 3.0)
    with share_results():
        first, again = cached(function, x[1:], 3), cached(function, x[1:], 3)
    np.testing.assert_array_equal(first, [6.0, 9.0])
    assert again is first
    assert calls == [3]


def test_other_arguments_and_other_stretches_are_told_apart():
    function, calls = counted()
    x = fixed(1.0, 2.0, 3.0)
    with share_results():
        np.testing.assert_array_equal(cached(function, x[1:], 3), [6.0, 9.0])
        np.testing.assert_array_equal(cached(function, x[1:], 2), [4.0, 6.0])
        np.testing.assert_array_equal(cached(function, x[:2], 3), [3.0, 6.0])
        np.testing.assert_array_equal(cached(function, x[::2], 3), [3.0, 9.0])
        np.testing.assert_array_equal(cached(np.negative, x[1:]), [-2.0, -3.0])
    assert len(calls) == 4


def test_arrays_that_may_change_are_not_shared():
    function, calls = counted()
    x = np.array([1.0, 2.0])
    with share_results():
        cached(function, x)
        x[0] = 5.0
        np.testing.assert_array_equal(cached(function, x), [10.0, 4.0])
    assert len(calls) == 2


def test_memory_that_was_given_back_is_not_taken_for_what_it_was():
    with share_results():
        for value in range(50):
            # Without a reference to the array its memory would be that of the next.
            np.testing.assert_array_equal(
                cached(np.negative, fixed(*[float(value)] * 40)), np.full(40, -value)
            )


def test_nothing_outlives_the_tile():
    function, calls = counted()
    x = fixed(1.0)
    for _ in range(2):
        with share_results():
            cached(function, x)
    cached(function, x)
    cached(function, x)
    assert len(calls) == 4


def test_the_result_cannot_be_written_to():
    with share_results():
        pair = cached(lambda x: (x + 1.0, x + 2.0), fixed(1.0))
    for array in (*pair, cached(np.negative, fixed(1.0))):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 3.0
