import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.charts.scales import Scale, calendar, even, ratios, reach


def days(date):
    return float(np.datetime64(date, "D").astype(int))


def read(text):
    return float(text.replace("−", "-"))


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 12))
def test_even_ticks_are_round_apart_equally_within_the_ends_and_written_as_they_are(low, span, most):
    high = low + max(span, 1e-6 * abs(low))
    ticks = even(low, high, most)
    at = np.array([tick.at for tick in ticks])
    assert len(at) >= 2, "one alone is no scale"
    # Some more than there is room for, only where the next coarser ones would be fewer than two.
    step = at[1] - at[0]
    digits = round(step / 10 ** np.floor(np.log10(step * (1 + 1e-9))))
    wider = step * {1: 2, 2: 2.5, 5: 2}[digits]
    assert len(at) <= most or np.floor(high / wider + 1e-9) - np.ceil(low / wider - 1e-9) < 1
    assert (at >= low - 1e-6 * (high - low)).all()
    assert (at <= high + 1e-6 * (high - low)).all()
    assert len({tick.text for tick in ticks}) == len(ticks), "each is told from the others"
    np.testing.assert_allclose(np.diff(at), step, rtol=1e-6)
    np.testing.assert_allclose([read(tick.text) for tick in ticks], at, atol=1e-3 * step)
    # A finer step would have been too many.
    assert (high - low) / step > most / 2.5 - 2


def test_even_ticks_by_hand():
    assert [tick.text for tick in even(-0.25, 0.4, 5)] == ["−0.2", "0.0", "0.2", "0.4"]
    assert [tick.text for tick in even(-45, 3, 3)] == ["−40", "−20", "0"]
    assert [tick.text for tick in even(0, 5.5, 6)] == ["0", "1", "2", "3", "4", "5"]
    assert [tick.text for tick in even(0, 1.02, 3)] == ["0.0", "0.5", "1.0"]
    assert [tick.text for tick in even(-4.9, 4.9, 3)] == ["−4", "−2", "0", "2", "4"], "0 alone is no scale"
    assert [tick.text for tick in even(0, 123456, 3)] == ["0", "50000", "100000"]
    assert [tick.text for tick in even(-1e-7, 3e-7, 5)] == ["−1e−7", "0", "1e−7", "2e−7", "3e−7"]
    assert [tick.text for tick in even(0, 2.5e10, 6)] == [
        "0",
        "5.0e9",
        "1.0e10",
        "1.5e10",
        "2.0e10",
        "2.5e10",
    ]
    assert [tick.text for tick in even(2, 2.00001, 3)] == ["2.000000", "2.000005", "2.000010"]


@pytest.mark.parametrize("growth", [1.001, 1.1, 0.3, 3, 6, 40, 99, 700, 1e6, 1e-5])
def test_wealth_has_a_few_numbers_beside_it_however_far_it_went(growth):
    low, high = reach([np.geomspace(1, growth, 50)], 0.05, log=True)
    shown = ratios(low, high, 9)
    assert 2 <= len(shown) <= 9
    assert len({tick.text for tick in shown}) == len(shown)
    assert all(low <= tick.at <= high for tick in shown)
    assert 1 in [read(tick.text) for tick in shown]
    np.testing.assert_allclose([read(tick.text) for tick in shown], [tick.at for tick in shown], rtol=1e-6)


def test_ratios_by_hand():
    assert [tick.text for tick in ratios(0.9, 3.1, 9)] == ["1.0", "1.5", "2.0", "2.5", "3.0"]
    assert [tick.text for tick in ratios(0.9, 8, 9)] == ["1", "2", "5"]
    assert [tick.text for tick in ratios(0.9, 60, 9)] == ["1", "2", "5", "10", "20", "50"]
    assert [tick.text for tick in ratios(0.9, 600, 9)] == ["1", "10", "100"]
    assert [tick.text for tick in ratios(1e-5, 2e6, 6)] == ["0.0001", "0.01", "1", "100", "10000", "1e6"]


def test_a_calendar_shows_years_months_or_days():
    assert [t.text for t in calendar(days("1959-12-31"), days("2017-06-30"), 9)] == (
        ["1960", "1970", "1980", "1990", "2000", "2010"]
    )
    assert [t.text for t in calendar(days("2019-11-05"), days("2021-02-01"), 4)] == (
        ["2020-01", "2020-07", "2021-01"]
    )
    assert [t.text for t in calendar(days("2024-02-27"), days("2024-03-02"), 9)] == (
        ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]
    )
    assert [t.text for t in calendar(days("2018-12-20"), days("2022-02-01"), 4)] == [
        "2019",
        "2020",
        "2021",
        "2022",
    ]
    assert [t.text for t in calendar(days("2024-02-27"), days("2024-03-06"), 5)] == (
        ["2024-02-27", "2024-02-29", "2024-03-02", "2024-03-04", "2024-03-06"]
    )
    for tick in calendar(days("1900-01-31"), days("2020-12-31"), 9):
        assert tick.at == days(f"{tick.text}-01-01")
        assert int(tick.text) % 20 == 0, "round years"


@given(st.integers(-30000, 30000), st.integers(0, 60000), st.integers(2, 10))
def test_a_calendar_never_shows_too_much_and_names_its_dates(first, length, most):
    ticks = calendar(float(first), float(first + length), most)
    assert len(ticks) <= most
    assert ticks or length > 0, "one date alone is told"
    for tick in ticks:
        assert first <= tick.at <= first + length
        assert np.datetime64(tick.text).astype("datetime64[D]") == np.datetime64(int(tick.at), "D")


def test_a_scale_maps_its_ends_and_what_lies_beyond():
    down = Scale(-1.0, 3.0, start=200.0, stop=100.0)
    np.testing.assert_array_equal(
        down([-1.0, 0.0, 3.0, -7.0, np.inf, -np.inf, np.nan]), [200, 175, 100, 200, 100, 200, np.nan]
    )
    log = Scale(0.1, 1000.0, start=0.0, stop=4.0, log=True)
    np.testing.assert_allclose(
        log([0.1, 1, 10, 1000, 0.01, 0.0, -2.0, np.inf, -np.inf, np.nan]),
        [0, 1, 2, 4, 0, np.nan, np.nan, 4, 0, np.nan],
    )


def test_the_reach_of_values():
    assert reach([np.array([0.0, np.nan]), np.array([np.inf, 10.0])], 0.1) == (-1.0, 11.0)
    low, high = reach([np.array([1.0, 100.0, -3.0, 0.0])], 0.5, log=True)
    np.testing.assert_allclose([low, high], [0.1, 1000.0])
    assert reach([], 0.1)[0] < reach([], 0.1)[1]
    for value in (0.0, 7.0, -1e-12, 1e12):
        low, high = reach([np.full(3, value)], 0.0)
        assert low < value < high, "a value alone is in the middle"
    for values in (np.ones(3), np.array([1.0, 1 + 1e-15])):
        low, high = reach([values], 0.0, log=True)
        assert 0.9 < low < 0.99
        assert 1.01 < high < 1.1
    assert reach([np.array([19724.0])], 0.0) == (19723.0, 19725.0), "a date has a day on either side"
