"""Early retraining: a reason is given in words, and only where something new can be learnt."""

from dataclasses import replace

import pytest

from operations.drift.drift_trigger import reason_to_retrain
from pipeline.drift.drift import Drift, FeatureDrift, Finding, Watch
from pipeline.settings.drift import DriftSection


def feature(name, importance, alarm):
    return FeatureDrift(name, importance, 1.0, 0.1, 0.5, 0.001, 300, 10, 0, 0, 0.01, alarm)


def finding(subject, alarm):
    return Finding(Watch(subject, "x", 1, 2, 3, 1, 0.01, 300, f"{subject} has changed"), 0.05, alarm)


def drift(**changes):
    calm = Drift("2020-12-31", 12, ("2000-01-31", "2019-11-30"), 12, (feature("a", 0.5, False),), ())
    return replace(calm, **changes)


ERRORS = {"findings": (finding("forecast", True), finding("costs", True), finding("regimes", False))}


def test_without_an_alarm_there_is_no_reason():
    assert reason_to_retrain(drift(), DriftSection()) is None
    assert reason_to_retrain(drift(findings=(finding("forecast", False),)), DriftSection()) is None


def test_what_a_retraining_does_not_mend_is_no_reason_unless_it_is_asked_for():
    assert reason_to_retrain(drift(**ERRORS), DriftSection()) == "forecast has changed"
    both = DriftSection(retrain_on=("forecast", "costs"))
    assert reason_to_retrain(drift(**ERRORS), both) == "forecast has changed; costs has changed"
    assert reason_to_retrain(drift(**ERRORS), DriftSection(retrain_on=())) is None


@pytest.mark.parametrize(("untrained", "asked"), [(0, False), (5, False), (6, True), (40, True)])
def test_half_of_the_recent_dates_must_be_new_to_the_model(untrained, asked):
    result = reason_to_retrain(drift(**ERRORS, untrained=untrained), DriftSection())
    assert (result is not None) == asked


@pytest.mark.parametrize(("share", "asked"), [(0.1, False), (0.2, True), (0.6, True)])
def test_features_count_as_far_as_the_forecast_rests_on_them(share, asked):
    shifted = drift(features=(feature("a", share, True), feature("b", 1 - share, False)))
    result = reason_to_retrain(shifted, DriftSection())
    assert (result is not None) == asked
    if result:
        assert result == f"1 of 2 features have shifted (a), on which {share:.0%} of the forecast rests"


def test_many_features_are_not_all_named():
    shifted = drift(features=tuple(feature(name, 0.1, True) for name in "abcde"))
    assert shifted.alarms("features") == (
        "5 of 5 features have shifted (a, b, c, ...), on which 50% of the forecast rests",
    )
    assert shifted.brief == "5 of 5 features shifted; none of 0 watches alarmed"
