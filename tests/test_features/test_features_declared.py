"""The stage of each registered feature declares which assets its values depend on: that is true, both ways."""

from dataclasses import replace

import numpy as np
import pytest
from causality import first_difference
from synthetic import make_panel

from features.building import build_matrix, check_single_assets
from features.catalogue import catalogue
from features.engine.inputs import select_assets
from features.engine.resolution import make_recipe
from features.spec import STAGES, FeatureError, FeatureSpec
from market.counterfactual import replace_future
from market.scores import ScoreTable

CATALOGUE = catalogue()
PANELS = {"monthly": make_panel("monthly", 160, 5, seed=7), "daily": make_panel("daily", 1500, 4, seed=8)}


def spec(name, kernel, stage="asset", inputs=("returns",)):
    return FeatureSpec(name, stage, 0, "fraction", inputs, "Text.", kernel)


def with_other_values(panel, asset):
    """Return a panel in which all assets but one have noise as returns, bars and volumes after the first row."""
    noise = replace_future(panel, 0, seed=5)
    parts = {}
    for name in ("returns", "volume", *panel.bars):
        parts[name] = getattr(noise, name).copy()
        parts[name][:, asset] = getattr(panel, name)[:, asset]
    return replace(panel, **parts)


def changes(panel, specs):
    """Return for each feature whether a value of an asset changes when other assets are left out or change."""
    whole = build_matrix(panel, catalogue=specs)
    changed = dict.fromkeys(whole.names, False)
    for asset in range(len(panel.assets)):
        alone = build_matrix(select_assets(panel, np.array([asset])), catalogue=specs)
        beside = build_matrix(with_other_values(panel, asset), catalogue=specs)
        for name in whole.names:
            own = whole.column(name)[:, asset]
            for other in (alone.column(name)[:, 0], beside.column(name)[:, asset]):
                changed[name] |= first_difference(name, own, other, len(own)) is not None
    return changed


def declared(panel, specs):
    """Return for each feature whether it, or an input, is declared to see several assets of the panel."""
    return {step.name: step.kind == "whole" for step in make_recipe(panel, STAGES, (), specs).steps}


def false_declarations(specs):
    found = {kind: changes(panel, specs) for kind, panel in PANELS.items()}
    several = declared(PANELS["monthly"], specs)
    return {name for name in specs if any(found[kind][name] for kind in PANELS) != several[name]}


def test_every_feature_sees_the_assets_that_its_stage_declares():
    assert not false_declarations(CATALOGUE)
    several = {name for name, kind in declared(PANELS["daily"], CATALOGUE).items() if kind}
    assert {"return_1_z", "breadth_10", "average_correlation_12"} <= several
    assert not {"return_1", "KMID", "beta_36", "market_return_1", "credit_spread"} & several


def test_a_false_declaration_shows_both_ways():
    specs = {
        "one": spec("one", lambda returns: 2.0 * returns),
        "several": spec("several", lambda returns: returns - returns[:, ::-1], "cross_section"),
        "falsely_one": spec("falsely_one", lambda returns: returns - returns[:, ::-1]),
        "falsely_several": spec("falsely_several", lambda returns: 2.0 * returns, "cross_section"),
        "from_several": spec("from_several", lambda several: 2.0 * several, inputs=("several",)),
    }
    assert false_declarations(specs) == {"falsely_one", "falsely_several"}


LIES = {
    "centred": lambda returns: returns - np.nan_to_num(returns).sum(axis=1)[:, None],
    "first_less_itself": lambda returns: returns - returns[:, :1],
    "signed_zero": lambda returns: np.copysign(0.0 * returns, returns.shape[1] - 2.5),
}


@pytest.mark.parametrize("name", LIES)
@pytest.mark.parametrize("n_assets", [3, 70])
def test_a_false_declaration_is_named(name, n_assets):
    panel = make_panel("monthly", 100, n_assets, seed=n_assets)
    specs = {name: spec(name, LIES[name]), "honest": spec("honest", lambda returns: 2.0 * returns)}
    message = f"feature '{name}' of stage asset is declared to see one asset, but its value of A.*to stage market or"
    with pytest.raises(FeatureError, match=message):
        # More than 64 assets are computed in tiles, so that the matrix would be wrong.
        check_single_assets(build_matrix(panel, catalogue=specs), panel, specs)
    honest = {"honest": specs["honest"], "across": spec("across", LIES[name], "cross_section")}
    check_single_assets(build_matrix(panel, catalogue=honest), panel, honest)


def test_a_feature_that_fails_without_the_other_assets_is_named():
    panel = make_panel("monthly", 100, 8)
    specs = {"third": spec("third", lambda returns: returns + 0.0 * np.nan_to_num(returns[0, 2]))}
    with pytest.raises(
        FeatureError, match=r"'third' failed: IndexError.*without the other assets; a feature that"
    ):
        check_single_assets(build_matrix(panel, catalogue=specs), panel, specs)


@pytest.mark.parametrize("n_assets", [1, 2])
def test_nothing_can_be_left_out_of_two_assets(n_assets):
    panel = make_panel("monthly", 100, n_assets)
    specs = {"centred": spec("centred", LIES["centred"])}
    check_single_assets(build_matrix(panel, catalogue=specs), panel, specs)


def test_assets_with_scores_can_be_left_out():
    panel = make_panel("monthly", 100, 70)
    record, dates = np.zeros(1, dtype=np.int64), panel.dates[:1]
    scores = ScoreTable("scores", panel.assets, record, dates, dates, np.ones(1), 400)
    matrix = build_matrix(replace(panel, scores=scores))
    np.testing.assert_array_equal(matrix.values, build_matrix(panel).values)
