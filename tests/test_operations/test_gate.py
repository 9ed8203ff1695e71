"""The gate lets in what is no worse, and says in words what kept the others out."""

import math

import pytest

from operations.champion.comparison import Comparison
from operations.champion.gate import judge, no_worse
from pipeline.drift.drift import Drift, FeatureDrift, Finding, Watch
from pipeline.settings.gate import GateSection

CERTIFIED = {
    "certificate": {"cuts": ["2001-01-31", "2001-06-30"]},
    "traded": "model:ridge",
    "portfolio": {"model:ridge": {"turnover": 1.5}, "equal_weight": {"turnover": 9.0}},
}


def drifted(*subjects):
    """Return a drift in which these subjects alarm."""
    watches = [
        Watch(s, "what", 0.0, 1.0, 9.0, 1.0, 0.001, 99, f"{s} are not what they were") for s in subjects
    ]
    shift = FeatureDrift("f", 0.5, 0.9, 0.1, 0.9, 0.001, 99.0, 12.0, 0.0, 0.0, 0.001, alarm=True)
    shifted = [shift] if "features" in subjects else []
    findings = tuple(Finding(watch, 0.001, True) for watch in watches if watch.subject != "features")
    return Drift("2001-12-31", 12, ("1990-01-31", "2000-12-31"), 12, tuple(shifted), findings)


CALM = drifted()


def found(dates=60, difference=0.01, p_worse=0.8):
    return Comparison(dates, "2001-01-31" if dates else "", difference, 0.004, p_worse)


def test_a_run_without_a_certificate_stays_out_unless_that_is_allowed():
    (check,) = judge(GateSection(), CERTIFIED, CALM)
    assert check.passed
    (check,) = judge(GateSection(), CERTIFIED | {"certificate": None}, CALM)
    assert not check.passed
    assert "no certificate" in check.words
    assert judge(GateSection(certificate=False), CERTIFIED | {"certificate": None}, CALM)[0].passed


def test_drift_keeps_out_where_the_gate_says_so_and_only_there():
    wild = drifted("features", "volatility")
    assert len(judge(GateSection(), CERTIFIED, wild)) == 1, "no subject is named by default"
    one, two = judge(GateSection(drift=("volatility", "costs")), CERTIFIED, wild)[1:]
    assert (one.passed, two.passed) == (False, True)
    assert one.words == "volatility are not what they were"
    (features,) = judge(GateSection(drift=("features",)), CERTIFIED, wild)[1:]
    assert not features.passed
    assert "1 of 1 features have shifted (f), on which 50% of the forecast rests" in features.words


@pytest.mark.parametrize("limit, passed", [(1.4, False), (1.5, True), (2.0, True)])
def test_turnover_is_that_of_what_is_traded(limit, passed):
    check = judge(GateSection(turnover=limit), CERTIFIED, CALM)[1]
    assert check.passed is passed
    assert "1.50 a year" in check.words


@pytest.mark.parametrize(
    "comparison, same, passed, words",
    [
        (found(dates=0, difference=0.0, p_worse=math.nan), True, True, "like the champion"),
        (found(), False, True, r"\+1.00 % a year"),
        (found(difference=-0.001, p_worse=0.4), False, False, "below the margin"),
        (found(difference=-0.02, p_worse=0.01), True, False, "p = 0.010"),
        (found(dates=5, difference=-0.02, p_worse=0.01), True, True, "too few to tell"),
        (found(dates=5, difference=0.02), False, False, "12 are needed"),
    ],
)
def test_no_worse(comparison, same, passed, words):
    import re

    check = no_worse(GateSection(), comparison, same_procedure=same)
    assert check.passed is passed
    assert re.search(words, check.words)


def test_a_margin_lets_in_what_is_hardly_worse_but_not_what_is_surely_so():
    gate = GateSection(margin=0.005)
    assert no_worse(gate, found(difference=-0.004, p_worse=0.3), same_procedure=False).passed
    assert not no_worse(gate, found(difference=-0.006, p_worse=0.3), same_procedure=False).passed
    assert not no_worse(gate, found(difference=-0.004, p_worse=0.01), same_procedure=False).passed
