"""The fuzzers of vendors' files, series and tables notice planted faults, and their plain answers are right."""

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.fuzz import series, vendors
from benchmarks.fuzz.dated_files.answers import Records, Spec, read_records
from benchmarks.fuzz.dated_files.clocks import STAMPS, add_lag, read_stamp, write_stamp
from benchmarks.fuzz.price_files import judging
from benchmarks.fuzz.running import run_cases_here
from benchmarks.fuzz.vendor_files.notations import Notation, write_date
from market.load import load_panel
from market.readers.dated.series import load_series


def find_sound(fuzzer, folder, expected, count):
    """Return seeds of files that must be read."""
    found = []
    for seed in range(200):
        place = folder / f"sound-{seed}"
        place.mkdir()
        if expected(fuzzer.mutate(np.random.default_rng(seed), place).payload):
            found.append(seed)
        if len(found) == count:
            return found
    raise AssertionError("too few sound files")


def drop_row(panel):
    return panel.select_rows(slice(0, -1))


def change_last_price(panel):
    returns = panel.returns.copy()
    returns[-1, 0] += 1e-6
    return replace(panel, returns=returns)


def rename_asset(panel):
    return replace(panel, assets=(*panel.assets[:-1], "another"))


@pytest.mark.parametrize("plant", [drop_row, change_last_price, rename_asset])
def test_a_vendors_file_that_is_read_otherwise_is_found(plant, tmp_path, monkeypatch):
    seeds = find_sound(vendors, tmp_path, lambda case: case.expectation == "sound", 6)

    def broken(source, **options):
        panel, findings = load_panel(source, **options)
        return plant(panel), findings

    monkeypatch.setattr(judging, "load_panel", broken)
    results = list(run_cases_here("benchmarks.fuzz.vendors", seeds, tmp_path / "runs", time_limit=30))
    assert [result.ending for result in results] == ["fault: silent difference"] * 6


@pytest.mark.parametrize("plant", ["early", "value", "age"])
def test_a_series_that_is_known_too_early_or_changed_is_found(plant, tmp_path, monkeypatch):
    seeds = find_sound(
        series, tmp_path, lambda case: case.expectation == "sound" and not case.spec.assets, 12
    )

    def broken(path, name, settings, *, known_by=None):
        made, findings = load_series(path, name, settings, known_by=known_by)
        for each, one in made.items():
            if plant == "early":
                made[each] = replace(one, known_at=one.observed_at)
            elif plant == "value":
                made[each] = replace(one, values=one.values + 0.01 * np.arange(len(one.values)))
            else:
                made[each] = replace(one, max_age_days=one.max_age_days + 300)
        return made, findings

    monkeypatch.setattr(series, "load_series", broken)
    kinds = [
        result.fault.kind
        for result in run_cases_here("benchmarks.fuzz.series", seeds, tmp_path / "runs", time_limit=30)
        if result.fault
    ]
    assert len(kinds) >= 6


def test_stamps_are_read_as_they_are_written():
    ends = {"monthly": "2020-02-29", "quarterly": "2020-06-30", "yearly": "2020-12-31"}
    for frequency, forms in STAMPS.items():
        end = dt.date.fromisoformat(ends.get(frequency, "2020-05-08"))
        months = {"monthly": 1, "quarterly": 3, "yearly": 12}.get(frequency, 0)
        for form in forms:
            assert read_stamp(write_stamp(end, form, months), form, months) == end


@pytest.mark.parametrize(
    "lag, known",
    [
        *(("1 month", "2020-03-31"), ("1 year", "2021-02-28"), ("10 days", "2020-03-10")),
        *(("2 observations", "2020-04-30"), ("next business day", "2020-03-02")),
    ],
)
def test_lags_of_a_month(lag, known):
    assert add_lag(dt.date(2020, 2, 29), lag, 1, []) == dt.date.fromisoformat(known)


def test_the_newest_value_that_was_known_counts(tmp_path):
    text = "date,cpi,filed\n2020-01-01,1.0,2020-02-10\n2020-02-01,3.0,2020-03-10\n2020-01-01,2.0,2020-03-20 08:30\n"
    (tmp_path / "a.csv").write_text(text)
    spec = Spec("monthly", "month start", "date", "cpi", known_at="filed", max_age=100, transform="change_1")
    level, records = replace(spec, transform="level"), read_records(tmp_path / "a.csv", spec)[""]
    days = [
        dt.date(2020, 2, 9),
        dt.date(2020, 2, 10),
        dt.date(2020, 3, 20),
        dt.date(2020, 3, 21),
        dt.date(2021, 1, 1),
    ]
    np.testing.assert_array_equal([records.at(day, level) for day in days], [np.nan, 1.0, 3.0, 3.0, np.nan])
    np.testing.assert_array_equal([records.at(day, spec) for day in days[1:4]], [np.nan, 2.0, 1.0])
    with pytest.raises(ValueError, match="was known on"):
        Records().add(dt.date(2020, 1, 31), dt.date(2020, 1, 30), 1.0)
    assert math.isnan(Records().at(days[0], level))


def test_numbers_and_dates_in_a_notation():
    notation = Notation(".csv", decimal=",", thousands=".")
    assert [notation.write_number(text) for text in ("-1234.50", "12.5", "1500000", "2.5K", "", "#N/A")] == [
        *("-1.234,50", "12,5", "1.500.000", "2,5K", "", "#N/A")
    ]
    assert Notation(".csv", percent=True).write_number("-0.25") == "-0.25%"
    assert write_date(dt.date(2024, 1, 31), "excel") == "45322"
    assert pd.Timestamp(int(write_date(dt.date(2024, 1, 31), "ms")), unit="ms") == pd.Timestamp("2024-01-31")
