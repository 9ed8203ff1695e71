"""The gate lets in what is no worse, and says in words what kept the others out."""

import math

import pytest

from operations.comparison import Comparison
from operations.gate import judge, no_worse
from pipeline.gate_config import GateSection

CERTIFIED = {
    "certificate": {"cuts": ["2001-01-31", "2001-06-30"]},
    "traded": "model:ridge",
    "portfolio": {"model:ridge": {"turnover": 1.5}, "equal_weight": {"turnover": 9.0}},
}


def found(dates=60, difference=0.01, p_worse=0.8):
    return Comparison(dates, "2001-01-31" if dates else "", difference, 0.004, p_worse, 1.0)


def test_a_run_without_a_certificate_stays_out_unless_that_is_allowed():
    (check,) = judge(GateSection(), CERTIFIED)
    assert check.passed
    (check,) = judge(GateSection(), CERTIFIED | {"certificate": None})
    assert not check.passed
    assert "no certificate" in check.words
    assert judge(GateSection(certificate=False), CERTIFIED | {"certificate": None})[0].passed


@pytest.mark.parametrize("limit, passed", [(1.4, False), (1.5, True), (2.0, True)])
def test_turnover_is_that_of_what_is_traded(limit, passed):
    check = judge(GateSection(turnover=limit), CERTIFIED)[1]
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
