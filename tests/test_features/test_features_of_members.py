"""Features that compare assets see members alone; features of one asset see its whole past."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import make_panel

from features.appending import append_dates
from features.building import build_matrix
from features.spec import FeatureError


@pytest.fixture
def panel():
    whole = make_panel("monthly", 200, 7, holes=False)
    rng = np.random.default_rng(1)
    member = np.repeat(rng.uniform(size=(20, 7)) < 0.6, 10, axis=0)
    member[:, 0] = True
    return replace(whole, member=member, delisted=np.zeros_like(member))


STAGES = ["asset", "market", "cross_section"]


def test_scores_across_assets_are_those_of_members(panel):
    seen = build_matrix(panel, STAGES)
    alone = build_matrix(replace(panel, member=None, delisted=None), STAGES)
    names = [name for name in seen.names if name.endswith(("_z", "_rank"))]
    assert names
    for name, stage in zip(seen.names, seen.stages, strict=True):
        if stage == "asset":
            np.testing.assert_array_equal(seen.column(name), alone.column(name), err_msg=name)
    checked = 0
    for name in names:
        base = name.rsplit("_", 1)[0]
        if base not in seen.names or not name.endswith("_z"):
            continue
        values = np.where(panel.member, seen.column(base), np.nan)
        for t in (60, 120, 150, 199):
            row = values[t][np.isfinite(values[t])]
            if len(row) > 1 and row.std() > 0:
                order = np.argsort(values[t][np.isfinite(values[t])])
                z = seen.column(name)[t]
                assert np.isnan(z[~panel.member[t]]).all()
                assert (np.diff(z[np.isfinite(values[t])][order]) >= -1e-12).all(), name
                checked += 1
    assert checked > 10


def test_who_is_no_member_changes_no_score_of_members(panel):
    """Other returns of outsiders leave every feature of stages that compare assets as it is, for members."""
    outside = ~panel.member.any(axis=0) | (np.arange(7) == 3)
    member = panel.member & ~outside
    one = replace(panel, member=member)
    returns = np.where(outside, panel.returns * 3 + 0.01, panel.returns)
    two = replace(one, returns=returns)
    a, b = build_matrix(one, STAGES), build_matrix(two, STAGES)
    for name, stage in zip(a.names, a.stages, strict=True):
        if stage != "asset":
            x, y = (np.where(member, m.column(name), np.nan) for m in (a, b))
            np.testing.assert_array_equal(x, y, err_msg=name)
    free = [build_matrix(replace(p, member=None, delisted=None), STAGES) for p in (one, two)]
    changed = [
        name
        for name, stage in zip(a.names, a.stages, strict=True)
        if stage != "asset" and not np.array_equal(free[0].column(name), free[1].column(name), equal_nan=True)
    ]
    assert changed, "without a universe the outsiders count"


@pytest.mark.parametrize("rows", [100, 150, 199])
def test_appended_dates_are_those_of_a_full_build(panel, rows):
    matrix = append_dates(build_matrix(panel.select_rows(slice(rows)), STAGES), panel)
    np.testing.assert_array_equal(matrix.values, build_matrix(panel, STAGES).values)


def test_a_universe_that_comes_goes_or_changes_its_past_is_noticed(panel):
    early = panel.select_rows(slice(150))
    without = replace(panel, member=None, delisted=None)
    with pytest.raises(FeatureError, match="has no universe, unlike the matrix"):
        append_dates(build_matrix(early, STAGES), without)
    with pytest.raises(FeatureError, match="has a universe, unlike the matrix"):
        append_dates(build_matrix(without.select_rows(slice(150)), STAGES), panel)
    member = panel.member.copy()
    member[20] = ~member[20]
    with pytest.raises(FeatureError, match="member up to row 149 is not what the matrix was made from"):
        append_dates(build_matrix(early, STAGES), replace(panel, member=member))
