"""The schedule in a configuration: what is refused, with which words, and that it decides no number."""

import pytest
import yaml
from scheduled import scheduled, scheduled_text

from pipeline.config import RunConfig, load_config
from pipeline.errors import ConfigError
from pipeline.settings.schedule import _cron_mistake


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("61 * * * *", "minute '61': expected 0 to 59"),
        ("0 6 1 * MON-FRO", "day-of-week 'MON-FRO': expected 0 to 7"),
        ("0 6 * * FRI-MON", "a range goes upwards"),
        ("0 6 0 * *", "day-of-month '0': expected 1 to 31"),
        ("0 6 1 13 *", "month '13': expected 1 to 12"),
        ("0 6 1 *", "expected five fields (minute hour day-of-month month day-of-week)"),
        ("0 0 6 1 * *", "expected five fields"),  # seconds: not here
        ("@monthly", "write '0 0 1 * *'"),
        ("0 6 30 2 *", "no date ever matches it"),
        ("5-5/2 * * * *", "minute: '5-5/2' steps through a range of one number; write '5'"),
        ("* * * * MON-1/2", "write 'MON'"),
        ("", "expected five fields"),
    ],
)
def test_a_wrong_expression_is_told_with_what_was_expected(cron, words):
    assert words in _cron_mistake(cron)


@pytest.mark.parametrize(
    "cron", ["0 6 1 * *", "*/5 * * * *", "0 6 L * *", "0 6 * * mon-fri", "0 6 29 2 *", "1-9/2 * 5/3 * *"]
)
def test_a_right_expression_is_taken(cron):
    assert _cron_mistake(cron) == ""


def test_mistakes_name_their_key(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        scheduled_text(tmp_path, cron="0 25 1 * *", timezone="Europe/Zurch", retires=3, lease_seconds=0.5)
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    result = str(caught.value)
    assert "4 mistakes" in result
    assert "schedule.cron: hour '25': expected 0 to 23, got '0 25 1 * *'" in result
    assert "got '25'" not in result, "one thing was got"
    assert "schedule.timezone: no time zone of that name; did you mean 'Europe/Zurich'?" in result
    assert "schedule.retires: unknown key; did you mean 'retries'?" in result
    assert "schedule.lease_seconds" in result


def test_a_schedule_decides_no_number(tmp_path):
    content = yaml.safe_load(scheduled_text(tmp_path))
    other = RunConfig.model_validate(content | {"schedule": {"cron": "0 7 * * *", "timezone": "Asia/Tokyo"}})
    none = RunConfig.model_validate({key: value for key, value in content.items() if key != "schedule"})
    assert none.schedule is None
    assert scheduled(tmp_path).digest() == other.digest() == none.digest()


def test_spaces_do_not_make_another_schedule(tmp_path):
    assert scheduled(tmp_path, cron="  0  6 1 * *").schedule == scheduled(tmp_path, cron="0 6 1 * *").schedule
