"""How many weeks decide, which gaps they may have, and which stamps cannot be a day off."""

import pandas as pd
import pytest

from market.errors import SourceError
from market.text.stamps import Stamp, check_stamps, read_stamp


def check(days, time="22:00+00:00"):
    """Check stamps at one time of these days, as a file would have them."""
    texts = [f"{day}T{time}" for day in days]
    return check_stamps("f", texts, [read_stamp(text) for text in texts], pd.DatetimeIndex(days))


def sessions(first, last, weekdays):
    """Return the days between two dates that are of some weekdays, 0 for Monday, as text."""
    days = pd.date_range(first, last)
    return [f"{day:%Y-%m-%d}" for day in days if day.weekday() in weekdays]


# From Wednesday 2020-01-01; the first Sundays are 5 and 12 January, the first Tuesdays 7 and 14.
SUNDAY_TO_THURSDAY = (6, 0, 1, 2, 3)
TUESDAY_TO_SATURDAY = (1, 2, 3, 4, 5)


def test_two_weeks_decide():
    (found,) = check(sessions("2020-01-01", "2020-01-11", SUNDAY_TO_THURSDAY))
    assert found.severity == "warning"
    with pytest.raises(SourceError, match=r"'2020-01-12T22:00.*a day too early"):
        check(sessions("2020-01-01", "2020-01-12", SUNDAY_TO_THURSDAY))
    (found,) = check(sessions("2020-01-01", "2020-01-13", TUESDAY_TO_SATURDAY), "06:00+09:00")
    assert found.severity == "warning"
    with pytest.raises(SourceError, match=r"'2020-01-14T06:00.*a day too late"):
        check(sessions("2020-01-01", "2020-01-14", TUESDAY_TO_SATURDAY), "06:00+09:00")


@pytest.mark.parametrize("missing", [[], ["2020-01-09"], ["2020-01-09", "2020-01-08"]])
def test_holidays_before_a_week_begins_hide_nothing(missing):
    days = [day for day in sessions("2020-01-01", "2020-01-12", SUNDAY_TO_THURSDAY) if day not in missing]
    with pytest.raises(SourceError, match="a day too early"):
        check(days)


def test_one_friday_shows_that_days_are_right():
    days = sessions("2020-01-01", "2020-01-31", SUNDAY_TO_THURSDAY)
    assert check(sorted({*days, "2020-01-10"}))[0].severity == "warning"


def test_weeks_from_tuesday_without_saturdays_follow_holidays():
    days = sessions("2020-01-01", "2020-01-31", (1, 2, 3, 4))
    assert check(days, "06:00+09:00")[0].severity == "warning"


def test_midnight_with_an_offset_is_the_day_that_it_names():
    days = sessions("2020-01-01", "2020-01-31", SUNDAY_TO_THURSDAY)  # an exchange of the Gulf
    assert check(days, "00:00+00:00")[0].severity == "warning"


def test_the_warning_shows_a_stamp_that_is_no_midnight():
    texts = ["2020-01-01T00:00+02:00", "2020-01-02T23:00+02:00"]
    (found,) = check_stamps(
        "f", texts, [read_stamp(text) for text in texts], pd.DatetimeIndex(["2020-01-01", "2020-01-02"])
    )
    assert repr(texts[1]) in found.message


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("2020-01-01 10:00+05:30", 330),
        ("2020-01-01 10:00-03:30", -210),
        ("2020-01-01 10:00-0330", -210),
        ("2020-01-01 10:00Z", 0),
        ("2020-01-01 10:00 GMT+2", 120),
        ("2020-01-01 10:00 New York", None),
    ],
)
def test_offsets_are_minutes_ahead_of_utc(text, offset):
    stamp = read_stamp(text)
    assert stamp.has_zone
    assert stamp.offset == offset
    assert stamp.day == "2020-01-01"


def test_days_counted_since_1970_have_no_zone():
    assert Stamp.from_epoch(1, "D") == Stamp("1970-01-02", offset=0)
    assert Stamp.from_epoch(25, "h") == Stamp(
        "1970-01-02", is_midnight=False, has_zone=True, offset=0, seconds=3600.0
    )
