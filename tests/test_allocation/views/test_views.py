"""Views: what they say, and when they may speak."""

import numpy as np
import pytest

from allocation.errors import InputError
from allocation.views.view import View, select_views

ASSETS = ("US", "UK", "DE", "FR")


def test_sides_are_scaled_to_one():
    view = View(long={"DE": 3, "FR": 1}, short={"UK": 0.2}, value=0.02)
    np.testing.assert_allclose(view.pick(ASSETS), [0, -1, 0.75, 0.25])
    assert view.name == "view 'DE + FR' over 'UK'"


def test_views_speak_from_the_row_they_are_known_on_while_their_assets_are_there():
    always = View(long={"US": 1}, value=0.01)
    spell = View(long={"UK": 1}, short={"DE": 1}, value=0.01, first=10, last=20)
    doubtful = View(long={"FR": 1}, value=0.5, confidence=0.0)
    everything = np.ones(4, dtype=bool)
    spoken = {t: select_views([always, spell, doubtful], t, ASSETS, everything)[0] for t in (9, 10, 20, 21)}
    assert spoken == {9: [always], 10: [always, spell], 20: [always, spell], 21: [always]}
    without_uk = everything & (np.array(ASSETS) != "UK")
    views, picks = select_views([always, spell], 15, ASSETS, without_uk)
    assert views == [always]
    np.testing.assert_array_equal(picks, [[1, 0, 0, 0]])
    assert select_views([], 15, ASSETS, everything)[1].shape == (0, 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"long": {}, "value": 0.1}, "needs an asset on its long side"),
        ({"long": {"US": 0}, "value": 0.1}, "share of 'US' is 0, expected more than 0"),
        ({"long": {"US": 1}, "short": {"US": 1}, "value": 0.1}, "'US' is on both sides"),
        ({"long": {"US": 1}, "value": float("nan")}, "the value is nan"),
        ({"long": {"US": 1}, "value": 0.1, "confidence": 60}, "confidence is 60, expected 0 to 1"),
        ({"long": {"US": 1}, "value": 0.1, "variance": -1}, "variance is -1, expected 0 or more"),
        ({"long": {"US": 1}, "value": 0.1, "variance": 1, "confidence": 1}, "not both"),
    ],
)
def test_what_makes_no_sense_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        View(**given)


def test_an_unknown_asset_is_named():
    with pytest.raises(
        InputError, match="view 'USA' over 'UK' names 'USA', which the data does not have; it has US"
    ):
        View(long={"USA": 1}, short={"UK": 1}, value=0.1).pick(ASSETS)
