"""New data in which the champion's world has changed asks for a retraining, once; calm data asks for nothing."""

import numpy as np
import pytest
from desk import at, quiet

from operations.data.updating import update
from operations.drift.early_request import ask_if_drifted
from operations.slots.records import record_path

pytestmark = pytest.mark.usefixtures("untold")
SCHEDULED = {
    "schedule": {"cron": "0 6 1 * *"},
    "drift": {"window": 6, "retrain_on": ["features", "forecast"]},
}


def test_a_changed_world_asks_once_for_the_same_data(desk):
    config = desk.config(**SCHEDULED)
    desk.retrain("2001-06-30", **SCHEDULED)
    assert not ask_if_drifted(config, quiet(), at("2001-07-31")), "a month later nothing has changed"
    prices = desk.prices()
    later = prices.index > "2001-12-31"
    # From then on every asset moves ten times as much, which no feature of the training rows knows.
    returns = prices.pct_change(fill_method=None)
    returns[later] = np.clip(10 * returns[later], -0.9, 5)
    grown = prices.loc[~later].ffill().iloc[-1] * (1 + returns[later]).cumprod()
    prices[later] = grown
    prices.to_csv(desk.folder / "prices.csv")
    update(config, quiet(), now=at("2002-06-30"))
    reporter = quiet()
    result = []
    reporter.line = lambda stage, text, aside="": result.append((stage, text))
    assert ask_if_drifted(config, reporter, at("2002-06-30"))
    assert any(stage == "drift" and "a retraining was asked for: " in text for stage, text in result), result
    assert not ask_if_drifted(config, quiet(), at("2002-06-30")), "asked for before"


def test_without_schedule_or_champion_nothing_is_asked(desk):
    assert not ask_if_drifted(desk.config(), quiet(), at("2002-06-30"))
    assert not ask_if_drifted(desk.config(**SCHEDULED), quiet(), at("2002-06-30"))
    assert not record_path(desk.config()).exists()
