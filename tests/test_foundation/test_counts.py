"""Numbers and nouns of messages agree."""

import re
from pathlib import Path

import pytest

from foundation.counts import format_count, format_percent

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("number", "noun", "plural", "text"),
    [
        (0, "run", "", "0 runs"),
        (1, "run", "", "1 run"),
        (2, "run", "", "2 runs"),
        (1, "such cell", "", "1 such cell"),
        (3, "watch", "watches", "3 watches"),
        (1, "line is", "lines are", "1 line is"),
        (0, "line is", "lines are", "0 lines are"),
    ],
)
def test_a_noun_agrees_with_its_number(number, noun, plural, text):
    assert format_count(number, noun, plural) == text


def test_no_message_leaves_the_plural_to_the_reader():
    packages = (
        "market",
        "features",
        "validation",
        "models",
        "allocation",
        "backtest",
        "pipeline",
        "operations",
    )
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"\b[a-z]{3,}\(s\)[ :,;.\"']", line) and 'f"' in line
    ]
    assert found == []


def test_a_share_that_is_no_share_is_short():
    assert format_percent(0.125, 1) == "12.5%"
    assert format_percent(-3.0) == "-300%"
    assert len(format_percent(1e300)) < 10
