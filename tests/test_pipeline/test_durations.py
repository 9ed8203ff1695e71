"""Settings in time: what they become at each frequency, what is refused, and that a run is the same."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import BaseModel

from market.errors import SourceError
from market.frequency import DAILY, EVERY_DAY, MONTHLY, QUARTERLY, WEEKLY
from pipeline.cli.preparation import prepare_run
from pipeline.config import RunConfig, load_config, read_config_file
from pipeline.errors import ConfigError
from pipeline.settings.section import SettingError
from pipeline.settings.time.durations import COUNTS, Duration, find_durations

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def rows(key, amount, unit, frequency):
    return Duration(tuple(key.split(".")), Fraction(amount), unit).count_rows(frequency)


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [
        ("12", "month", {DAILY: 252, EVERY_DAY: 365, WEEKLY: 52, MONTHLY: 12, QUARTERLY: 4}),
        ("10", "year", {DAILY: 2520, EVERY_DAY: 3650, WEEKLY: 520, MONTHLY: 120, QUARTERLY: 40}),
        ("1.5", "year", {DAILY: 378, WEEKLY: 78, MONTHLY: 18, QUARTERLY: 6}),
        ("1", "month", {DAILY: 21, MONTHLY: 1}),
        ("2", "quarter", {DAILY: 126, WEEKLY: 26, MONTHLY: 6, QUARTERLY: 2}),
        ("4", "week", {DAILY: 20, EVERY_DAY: 28, WEEKLY: 4}),
    ],
)
def test_whole_rows(amount, unit, expected):
    for frequency, count in expected.items():
        found, note = rows("target.horizon", amount, unit, frequency)
        assert found == count
        assert note.startswith(f"target.horizon: {amount} {unit}")
        assert f"= {count} row" in note
        assert note.endswith(f"at {frequency.name} frequency")
        assert "rounded" not in note


def test_nearly_whole_rows_are_rounded_with_a_notice():
    assert rows("target.horizon", 1, "month", WEEKLY) == (
        4,
        "target.horizon: 1 month = 4 rows (rounded, 4.33) at weekly frequency",
    )
    assert rows("target.horizon", 1, "month", EVERY_DAY)[0] == 30


@pytest.mark.parametrize(
    ("key", "amount", "unit", "frequency", "message"),
    [
        ("target.horizon", 1, "month", QUARTERLY, "1 month = 0.333 rows at quarterly frequency"),
        ("target.horizon", 6, "week", MONTHLY, "6 weeks = 1.38 rows at monthly frequency, which is no whole"),
        ("target.horizon", 10, "day", DAILY, "10 days may be days of the calendar or of trading"),
        ("target.horizon", 10, "monht", DAILY, "'monht' is no unit of time; did you mean 'months'"),
    ],
)
def test_other_durations_are_refused(key, amount, unit, frequency, message):
    with pytest.raises(SettingError, match=message):
        rows(key, amount, unit, frequency)


def test_intervals_are_one_row_at_least_and_a_day_of_lag_is_lost_in_rarer_rows():
    assert rows("walk_forward.train_every", 1, "week", MONTHLY) == (
        1,
        "walk_forward.train_every: 1 week = 1 row (at least one, 0.231) at monthly frequency",
    )
    assert rows("target.execution_lag", 1, "day", DAILY)[0] == 1
    assert [rows("target.execution_lag", 1, "day", f)[0] for f in (WEEKLY, MONTHLY, QUARTERLY)] == [0, 0, 0]


def test_only_settings_that_count_observations_take_durations():
    content = {"target": {"horizon": "12 months"}, "name": "12 months", "cost_rate": "1 year"}
    assert [one.key for one in find_durations(content)] == [("target", "horizon")]


def fields_of(section, path=()):
    """Yield the dotted path of every setting outside of unions."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields_of(kind, (*path, name))
        else:
            yield ".".join((*path, name))


def test_the_settings_exist():
    known = set(fields_of(RunConfig))
    assert {name for name in COUNTS if "*" not in name} <= known


def industries(folder, **changes):
    content = yaml.safe_load((CONFIGS / "industries.yaml").read_text())
    for dotted, value in changes.items():
        *sections, key = dotted.split("__")
        place = content
        for name in sections:
            place = place[name]
        place[key] = value
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


IN_TIME = {
    "target__horizon": "1 month",
    "target__execution_lag": "1 day",
    "target__risk_window": "2 years",
    "walk_forward__refit_every": "1 year",
    "walk_forward__train_every": "1 week",
    "regimes__min_train": "10 years",
    "allocation__rebalance_every": "1 month",
    "allocation__covariance_window": "10 years",
    "allocation__min_history": "3 years",
}


def test_a_config_in_time_is_the_config_in_rows(tmp_path):
    completed = read_config_file(industries(tmp_path, **IN_TIME))
    config = completed.config
    notes = completed.durations
    assert config.digest() == load_config(CONFIGS / "industries.yaml").digest()
    assert len(notes) == len(IN_TIME)
    assert "allocation.covariance_window: 10 years = 120 rows at monthly frequency" in notes


def test_the_same_config_at_another_frequency(tmp_path):
    days = pd.bdate_range("2000-01-03", "2006-12-29", name="date")
    rng = np.random.default_rng(0)
    prices = 40 * np.cumprod(1 + rng.normal(0, 0.01, (len(days), 3)), axis=0)
    pd.DataFrame(prices, index=days, columns=list("abc")).to_csv(tmp_path / "p.csv")
    expected = {None: (21, 1, 252), "monthly": (1, 0, 12), "weekly": (4, 0, 52)}
    for frequency, (horizon, lag, refit) in expected.items():
        data = {"source": "prices", "path": str(tmp_path / "p.csv"), "frequency": frequency}
        config = load_config(industries(tmp_path, **IN_TIME, data=data))
        found = (config.target.horizon, config.target.execution_lag, config.walk_forward.refit_every)
        assert found == (horizon, lag, refit)


def test_weekends_that_the_calendar_leaves_out_are_not_counted(tmp_path):
    days = pd.date_range("2000-01-03", "2002-12-31", name="date")
    pd.DataFrame({"a": 10.0 + np.arange(len(days)) % 7}, index=days).to_csv(tmp_path / "p.csv")
    for calendar, year in ((None, 365), ("weekdays", 252), ("a", 365)):
        data = {"source": "prices", "path": str(tmp_path / "p.csv"), "calendar": calendar}
        config = load_config(industries(tmp_path, walk_forward__refit_every="1 year", data=data))
        assert config.walk_forward.refit_every == year


def test_mistakes_name_the_key_and_its_line(tmp_path):
    path = industries(tmp_path, target__horizon="10 days", target__risk_window="3 fortnights")
    with pytest.raises(
        ConfigError, match=r"target\.horizon: 10 days may be.*\n.*target\.risk_window: 'fortnight'"
    ):
        load_config(path)
    with pytest.raises(ConfigError, match=r"target\.risk_window: .*2.*\(line \d+\)"):
        load_config(industries(tmp_path, target__risk_window="1 month"))
    with pytest.raises(SourceError, match=r"x\.csv: does not exist"):
        load_config(industries(tmp_path, target__risk_window="1 year", data={"path": "x.csv"}))
    with pytest.raises(ConfigError, match=r"target\.horizon"):
        load_config(industries(tmp_path, target__horizon="a month"))


def test_a_command_prints_each_conversion_once(tmp_path, capsys):
    prepare_run(industries(tmp_path, **IN_TIME, output=str(tmp_path / "runs")), fresh=False)
    printed = " ".join(capsys.readouterr().out.split())
    for key in IN_TIME:
        assert printed.count(f"{key.replace('__', '.')}: ") == 1
    assert "target.horizon: 1 month = 1 row at monthly frequency" in printed
