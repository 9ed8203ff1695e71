"""When a schedule fires, against a matcher that looks at every minute there is."""

import calendar
import datetime as dt
import functools
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operations.slots.cron import next_slot, slots
from pipeline.settings.schedule import _cron_mistake

UTC = dt.UTC
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@functools.cache
def numbers(field, low, high, names=(), base=0):
    """Return the set of numbers of a plain field, read item by item as crontab(5) says."""
    found = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        if span == "*":
            first, last = low, high
        else:
            first, _, last = span.partition("-")
            first = names.index(first) + base if first in names else int(first)
            last = (
                (high if step else first)
                if not last
                else names.index(last) + base
                if last in names
                else int(last)
            )
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def matches(cron, wall):
    """Say whether an expression matches one minute of a wall clock."""
    minute, hour, day, month, weekday = cron.split()
    if wall.minute not in numbers(minute, 0, 59) or wall.hour not in numbers(hour, 0, 23):
        return False
    if wall.month not in numbers(month, 1, 12, MONTHS, 1):
        return False
    last = calendar.monthrange(wall.year, wall.month)[1]
    by_day = wall.day == last if day == "L" else wall.day in numbers(day, 1, 31)
    name = (wall.weekday() + 1) % 7  # Sunday is 0
    if "#" in weekday:
        of, nth = weekday.split("#")
        by_weekday = numbers(of, 0, 7, DAYS) == {name} and (wall.day - 1) // 7 + 1 == int(nth)
    elif weekday.endswith("L"):
        by_weekday = int(weekday[:-1]) % 7 == name and wall.day + 7 > last
    else:
        by_weekday = name in {n % 7 for n in numbers(weekday, 0, 7, DAYS)}
    if day.startswith("*") or weekday.startswith("*"):
        return by_day and by_weekday
    return by_day or by_weekday


def every_minute(cron, zone, after, until):
    """Walk through all minutes in (after, until] and return those that fire; the wall clock is looked at each time.

    A wall-clock minute fires the first time that it is shown; minutes that were leapt over fire after the leap.
    """
    found, seen = [], set()
    instant = after.replace(second=0, microsecond=0) - dt.timedelta(
        hours=4
    )  # what has been shown before `after`
    before = instant.astimezone(zone).replace(tzinfo=None)
    while instant <= until:
        wall = instant.astimezone(zone).replace(tzinfo=None)
        shown = [wall]
        while before + dt.timedelta(minutes=1) < wall:
            before += dt.timedelta(minutes=1)
            shown.append(before)
        fires = any(matches(cron, w) for w in shown if w not in seen)
        seen |= set(shown)
        before = max(before, wall)
        if fires and instant > after:
            found.append(instant)
        instant += dt.timedelta(minutes=1)
    return found


def part(low, high, names=()):
    one = st.integers(low, high).map(str)
    named = one if not names else st.one_of(one, st.sampled_from(names))
    span = st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda p: f"{min(p)}-{max(p)}")
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, 9)).map(lambda p: f"{p[0]}/{p[1]}")
    item = st.one_of(named, span, step)
    return st.one_of(
        st.just("*"), item, st.lists(st.one_of(named, span), min_size=2, max_size=3).map(",".join)
    )


EXPRESSIONS = st.tuples(
    part(0, 59),
    part(0, 23),
    st.one_of(part(1, 31), st.just("L")),
    st.one_of(st.just("*"), part(1, 12, MONTHS)),
    st.one_of(part(0, 7, DAYS), st.sampled_from(["FRI#1", "2#3", "5L", "MON-FRI"])),
).map(" ".join)
ZONES = st.sampled_from(
    ["UTC", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "America/St_Johns"]
)
TURNS = st.sampled_from(
    [
        (2026, 3, 29, 0),
        (2026, 10, 25, 0),
        (2026, 3, 8, 5),
        (2026, 11, 1, 4),
        (2026, 4, 4, 14),
        (2026, 10, 3, 14),
        (2027, 2, 28, 0),
    ]
)


@settings(max_examples=100, deadline=None)
@given(cron=EXPRESSIONS, zone=ZONES, turn=TURNS, offset=st.integers(-150, 180), seconds=st.integers(0, 59))
def test_the_slots_are_those_of_a_walk_through_all_minutes(cron, zone, turn, offset, seconds):
    if _cron_mistake(
        cron
    ):  # a day that no month has, or a range of one with a step: refused in a configuration
        return
    after = dt.datetime(*turn, tzinfo=UTC) + dt.timedelta(minutes=offset, seconds=seconds)
    until = after + dt.timedelta(hours=5)
    truth = every_minute(cron, zoneinfo.ZoneInfo(zone), after, until)
    assert list(slots(cron, zone, after, until)) == truth


@settings(max_examples=60, deadline=None)
@given(cron=EXPRESSIONS, start=st.dates(dt.date(2023, 1, 1), dt.date(2029, 1, 1)))
def test_the_days_of_two_years_are_right(cron, start):
    cron = "30 6 " + " ".join(cron.split()[2:])
    if _cron_mistake(cron):  # as above
        return
    after = dt.datetime.combine(start, dt.time(), UTC)
    days = [after + dt.timedelta(days=n, hours=6, minutes=30) for n in range(800)]
    assert list(slots(cron, "UTC", after, days[-1])) == [day for day in days if matches(cron, day)]


@pytest.mark.parametrize(
    ("cron", "first"),
    [
        ("0 6 * * 1", "2026-01-05"),  # Monday is 1, as crontab(5) says
        ("0 6 * * MON", "2026-01-05"),
        ("0 6 * * 0", "2026-01-04"),
        ("0 6 * * 7", "2026-01-04"),
        ("0 6 L * *", "2026-01-31"),
        ("0 6 L 2 *", "2026-02-28"),
        ("0 6 LW 2 *", "2026-02-27"),
        ("0 6 13 * FRI", "2026-01-02"),  # either
        ("0 6 */2 * FRI", "2026-01-09"),  # both, because of the star
        ("0 6 29 2 *", "2028-02-29"),
        ("0 6 * * 5L", "2026-01-30"),
    ],
)
def test_literal_dates(cron, first):
    new_year = dt.datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert next_slot(cron, "UTC", new_year) == dt.datetime.fromisoformat(first).replace(hour=6, tzinfo=UTC)


def test_the_autumn_hour_fires_once_and_the_spring_hour_is_not_lost():
    day = dt.timedelta(days=1)
    autumn = dt.datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Zurich
    assert list(slots("30 2 * * *", "Europe/Zurich", autumn, autumn + day)) == [
        dt.datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    ]
    # Asked in the hour that comes twice, after the slot has fired: it does not fire again.
    again = dt.datetime(2026, 10, 25, 0, 40, tzinfo=UTC)
    assert next_slot("30 2 * * *", "Europe/Zurich", again) == dt.datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    spring = dt.datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert list(slots("15,30 2 * * *", "Europe/Zurich", spring, spring + day)) == [
        dt.datetime(2026, 3, 29, 1, tzinfo=UTC)  # 03:00, right after the leap, once
    ]


def test_the_ends_of_a_span_are_open_below_and_closed_above():
    six = dt.datetime(2026, 5, 1, 6, tzinfo=UTC)
    minute = dt.timedelta(minutes=1)
    assert list(slots("0 6 * * *", "UTC", six, six)) == []
    assert list(slots("0 6 * * *", "UTC", six - minute / 120, six)) == [six]
    assert list(slots("0 6 * * *", "UTC", six + minute, six)) == []
    assert list(slots("0 6 * * *", "UTC", six, six - 400 * minute)) == []
