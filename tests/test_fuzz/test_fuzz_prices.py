"""The fuzzer of price files notices planted faults, and its oracle reads as a careful person does."""

import datetime as dt
import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.fuzz import prices
from benchmarks.fuzz.price_files import judging
from benchmarks.fuzz.price_files.dialects import drop_header, write_units
from benchmarks.fuzz.price_files.drafts import Draft, Reading, Style
from benchmarks.fuzz.price_files.meanings import write_gross
from benchmarks.fuzz.price_files.reading import UnreadableError, read_content, read_date, read_number
from benchmarks.fuzz.price_files.second_readers import has_open_quote, read_by_both
from benchmarks.fuzz.running import run_cases_here
from market.errors import SourceError
from market.load import load_panel


@pytest.fixture(scope="module")
def sound_seeds(tmp_path_factory):
    """Seeds of files that must be read: first some with cash, with volume, and read as of a date, then any."""
    folder = tmp_path_factory.mktemp("sound")
    cases = {seed: prices.mutate(np.random.default_rng(seed), folder).payload for seed in range(300)}
    sound = {seed: case for seed, case in cases.items() if case.expectation == "good"}
    kinds = (
        [
            seed
            for seed, case in sound.items()
            if case.reading.cash and "annual" not in case.reading.cash_values
        ],
        [seed for seed, case in sound.items() if case.reading.bars],
        [seed for seed, case in sound.items() if case.as_of],
    )
    assert all(kinds)
    return list(dict.fromkeys([seed for kind in kinds for seed in kind[:3]] + list(sound)))


def drop_row(panel, known_by):
    kept = np.arange(len(panel.dates)) != 5
    arrays = {name: getattr(panel, name)[kept] for name in ("returns", "cash", "market", *panel.bars)}
    return replace(panel, dates=panel.dates[kept], volume=None, **arrays)


def drop_last_row(panel, known_by):
    return panel.select_rows(slice(0, -1))


def move_dates(panel, known_by):
    return replace(panel, dates=panel.dates + pd.Timedelta(days=1))


def change_last_price(panel, known_by):
    returns = panel.returns.copy()
    returns[-1, 0] += 1e-6
    return replace(panel, returns=returns)


def exchange_assets(panel, known_by):
    return replace(panel, assets=tuple(reversed(panel.assets)))


def ignore_cash(panel, known_by):
    return replace(panel, cash=np.zeros_like(panel.cash))


def lose_volume(panel, known_by):
    return replace(panel, volume=None)


def look_ahead(panel, known_by):
    return panel if known_by is not None else replace(panel, returns=panel.returns * (1 + 1e-12))


def fail(panel, known_by):
    raise KeyError("a bug")


def refuse_all(panel, known_by):
    raise SourceError("no")


@pytest.mark.parametrize(
    "plant, kind",
    [
        (drop_row, "silent difference"),
        (drop_last_row, "silent difference"),
        (move_dates, "silent difference"),
        (change_last_price, "silent difference"),
        (exchange_assets, "silent difference"),
        (ignore_cash, "silent difference"),
        (lose_volume, "silent difference"),
        (look_ahead, "look-ahead"),
        (fail, "traceback"),
        (refuse_all, "refused"),
    ],
)
def test_a_planted_fault_of_the_reader_is_found(plant, kind, sound_seeds, tmp_path, monkeypatch):
    def broken(source, *, known_by=None, **options):
        panel, findings = load_panel(source, known_by=known_by, **options)
        return plant(panel, known_by), findings

    monkeypatch.setattr(judging, "load_panel", broken)
    results = run_cases_here("benchmarks.fuzz.prices", sound_seeds[:9], tmp_path, time_limit=30)
    kinds = [result.fault.kind for result in results if result.fault]
    assert kind in kinds
    if plant in (drop_row, drop_last_row, move_dates, change_last_price, fail, refuse_all):
        assert len(kinds) == 9


def test_sound_files_are_read_without_a_fault(sound_seeds, tmp_path):
    results = list(run_cases_here("benchmarks.fuzz.prices", sound_seeds[:30], tmp_path, time_limit=30))
    assert [result.fault for result in results if result.fault] == []
    assert {result.description.split()[1] for result in results} == {"wide", "long", "single"}


@pytest.mark.parametrize("sign, is_suspect", [("", True), ("$", False)])
def test_only_returns_that_were_made_gross_are_called_suspect(sign, is_suspect):
    reading = Reading("wide", "date", values="returns")
    rows = [[f"{day:%Y-%m-%d}", f"{sign}0.01"] for day in pd.date_range("2020-01-01", periods=900)]
    draft = Draft(["date", "a"], rows, reading, Style(), "file", [])
    write_gross(draft, np.random.default_rng(0))
    assert (draft.expectation == "suspect") == is_suspect
    assert (draft.rows[0][1] == "1.010000") == is_suspect


@pytest.mark.parametrize("units, assets", [(["USD"], ("USD",)), (["USD", "USD"], None)])
def test_units_are_the_names_of_a_file_that_lost_its_header(units, assets):
    names = ["a", "b"][: len(units)]
    rows = [[f"2020-01-0{day}", *("1" for _ in names)] for day in (1, 2, 3)]
    draft = Draft(["date", *names], rows, Reading("wide", "date"), Style(), "file", [])
    draft.truth = read_content(draft.header, rows, draft.reading)
    write_units(draft, np.random.default_rng(0))
    drop_header(draft, np.random.default_rng(0))
    assert draft.header == ["", *units]
    assert (draft.truth and draft.truth.assets) == assets


@pytest.mark.parametrize(
    "text",
    ["12%", "1,234", "1_000", "0x1F", "True", "inf", "1e999", "(-3.2)", "(3", "1'00", "\u2212", "x", "1.2.3"],
)
def test_texts_that_are_no_numbers(text):
    with pytest.raises(UnreadableError):
        read_number(text)


def test_numbers_and_dates_as_people_write_them():
    assert [read_number(text) for text in (" 1.50 ", "+3", "-2e-3", "1,234.5")] == [1.5, 3.0, -0.002, 1234.5]
    marked = ("\u22125", "(3.2)", "1'000", "-1\u00a0000.5")
    assert [read_number(text) for text in marked] == [-5.0, -3.2, 1000.0, -1000.5]
    assert np.isnan([read_number(text) for text in ("", "NA", "nan", "null", ".")]).all()
    for text in (
        "2020-01-31",
        "2020/1/31",
        "20200131",
        "31.01.2020",
        "2020-01",
        "1580428800",
        "2020-01-31T23:59Z",
    ):
        assert read_date(text, day_first=False) == dt.date(2020, 1, 31), text
    assert read_date("3/4/2020", day_first=True) == dt.date(2020, 4, 3)
    assert read_date("3/4/2020", day_first=False) == dt.date(2020, 3, 4)
    for text in ("0000-01-01", "2020-02-30", "2020", "45293", ""):
        with pytest.raises(UnreadableError):
            read_date(text, day_first=False)


def test_rows_that_no_careful_person_reads():
    reading = Reading("wide", "date")
    good = [["2020-01-01", "1"], ["2020-01-02", "2"], ["2020-01-03", "3"]]
    assert read_content(["date", "A"], good[::-1], reading).values.ravel().tolist() == [1.0, 2.0, 3.0]
    for rows in (
        [*good, ["2020-01-04"]],
        [*good, ["2020-01-04", "4", "5"]],
        [*good, good[0]],
        [good[1], good[0], good[2]],
        [*good, ["", "4"]],
    ):
        with pytest.raises(UnreadableError):
            read_content(["date", "A"], rows, reading)


def test_second_readers_agree_on_sound_files_and_notice_open_quotes(tmp_path):
    text = 'date,A\n2020-01-01,"1.5"\n2020-01-02,2\n'
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    expected = (["date", "A"], [["2020-01-01", "1.5"], ["2020-01-02", "2"]])
    assert read_by_both(tmp_path / "a.csv", False) == expected
    assert read_by_both(tmp_path / "a.csv.gz", False) == expected
    pd.DataFrame({"date": ["2020-01-01"], "A": [1.5]}).to_parquet(tmp_path / "a.parquet")
    assert read_by_both(tmp_path / "a.parquet", True) == (["date", "A"], [["2020-01-01", "1.5"]])
    (tmp_path / "b.csv").write_text("date,A\n2020-01-01,1,2\n2020-01-02\n")
    assert read_by_both(tmp_path / "b.csv", False) is None
    assert not has_open_quote(text)
    assert has_open_quote('date,A\n2020-01-01,"1.5\n2020-01-02,2\n')
    assert has_open_quote('date,A\n2020-01-01,"1.5\n2020-01-02",2\n')
