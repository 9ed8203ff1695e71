"""The universe among versions: a membership of the past that a source rewrites is refused, one that goes on is not."""

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from panels import assert_same
from synthetic import make_panel

from operations.data import version_files
from operations.data.long_format import narrow_types
from operations.data.membership_record import describe_changed_membership, list_flips
from operations.data.panel_frame import Frame, strip_unrecorded
from operations.data.versions import Versions
from operations.errors import RevisedError

NOW = dt.datetime(2020, 1, 2, tzinfo=dt.UTC)


@pytest.fixture
def versions(tmp_path):
    return Versions(tmp_path / "data")


def keep(versions, panel, accept=False):
    until = pd.Timestamp("2020-01-02")
    return versions.record(panel, {}, now=NOW, known_by=until, accept_revisions=accept)


def with_members(panel, seed=0):
    """Return a panel whose assets enter and leave; its market is a column of its own, which knows no universe."""
    rng = np.random.default_rng(seed)
    member = np.cumsum(rng.random(panel.returns.shape) < 0.1, axis=0) % 2 == 1
    return replace(panel, member=member, delisted=np.zeros_like(member))


def with_flag(panel, row, column):
    """Return a panel in which one asset is a member at one more date, or at one less."""
    member = panel.member.copy()
    member[row, column] = not member[row, column]
    return replace(panel, member=member)


@pytest.fixture
def panel():
    return with_members(make_panel(n_dates=60, n_assets=5))


def test_flips_give_back_who_was_a_member(panel):
    flips = list_flips(panel)
    for column, name in enumerate(panel.assets):
        days = [f"{date:%Y-%m-%d}" for date in panel.dates]
        told = [sum(flip <= day for flip in flips[name]) % 2 == 1 for day in days]
        assert told == panel.member[:, column].tolist()


def test_a_membership_that_goes_on_is_appended(versions, panel):
    for known in (*(panel.as_of(panel.dates[row]) for row in (20, 21, 40)), panel):
        done = keep(versions, known)
        assert done.version.kind in ("first", "append")
        assert done.version.described == ()
    assert keep(versions, panel).difference is None
    assert_same(versions.read(), strip_unrecorded(panel))
    assert versions.changed_past(panel) is None
    assert versions.verify() == []


@pytest.mark.parametrize("row", [0, 17, 39])
def test_a_changed_membership_of_the_past_is_refused(versions, panel, row):
    beginning = panel.as_of(panel.dates[39])
    keep(versions, beginning)
    later = with_flag(panel, row, 2)
    was = "a member and is none" if panel.member[row, 2] else "no member and is one"
    wanted = f"for 1 asset .'{panel.assets[2]}'.: {panel.assets[2]} on {panel.dates[row]:%Y-%m-%d} was {was}"
    # Also if there are no new dates: nothing else of the panel has changed then.
    for changed in (later, with_flag(beginning, row, 2)):
        with pytest.raises(RevisedError, match=wanted):
            keep(versions, changed)
        assert (
            versions.changed_past(changed).described[0].startswith("membership in the universe has changed")
        )
    assert len(versions.log()) == 1
    done = keep(versions, later, accept=True)
    assert done.version.kind == "revision"
    assert keep(versions, later).difference is None
    assert versions.changed_past(later) is None
    assert versions.verify() == []


def test_the_future_of_the_universe_is_no_revision(versions, panel):
    keep(versions, panel.as_of(panel.dates[39]))
    assert keep(versions, with_flag(panel, 40, 2)).version.kind == "append"


def test_data_as_of_an_earlier_date_is_compared_up_to_it(versions, panel):
    keep(versions, panel)
    until = panel.dates[30]
    assert versions.changed_past(panel.as_of(until), until) is None
    assert versions.changed_past(with_flag(panel, 31, 0).as_of(until), until) is None
    assert versions.changed_past(with_flag(panel, 30, 0).as_of(until), until) is not None


def test_a_rescaling_does_not_hide_a_changed_membership(versions, panel):
    keep(versions, panel)
    doubled = replace(panel, volume=panel.volume * 2, **{k: v / 2 for k, v in panel.bars.items()})
    assert keep(versions, doubled).version.kind == "restatement"
    with pytest.raises(RevisedError, match="membership in the universe"):
        keep(versions, with_flag(panel, 10, 1))


def test_a_new_asset_that_enters_later_is_appended(versions, panel):
    returns = panel.returns.copy()
    returns[:45, 4] = np.nan
    bars = {name: np.where(np.isfinite(returns), prices, np.nan) for name, prices in panel.bars.items()}
    member = panel.member & np.isfinite(returns)
    ragged = replace(panel, returns=returns, member=member, volume=None, **bars)
    first = ragged.as_of(ragged.dates[39])
    columns = slice(0, 4)
    four = replace(
        narrow_types(strip_unrecorded(first), first.assets[:4]),
        member=first.member[:, columns],
        delisted=first.delisted[:, columns],
    )
    keep(versions, four)
    done = keep(versions, ragged)
    assert (done.version.kind, done.version.assets_new) == ("append", (panel.assets[4],))


def test_a_universe_that_comes_or_goes_is_said(versions, panel):
    keep(versions, strip_unrecorded(panel))
    with pytest.raises(RevisedError, match="the universe is new in the source"):
        keep(versions, panel)
    keep(versions, panel, accept=True)
    with pytest.raises(RevisedError, match="the universe is gone from the source"):
        keep(versions, strip_unrecorded(panel))


def test_versions_from_before_the_universe_was_recorded_take_it_in(versions, panel, monkeypatch):
    def forget(self):
        content = json.loads(to_json(self))
        del content["membership"]
        return json.dumps(content)

    to_json = Frame.to_json
    with monkeypatch.context() as patched:
        patched.setattr(version_files.Frame, "to_json", forget)
        keep(versions, panel)
    assert keep(versions, panel).version.kind == "append"
    assert keep(versions, panel).difference is None
    with pytest.raises(RevisedError):
        keep(versions, with_flag(panel, 3, 0))


def test_without_a_record_nothing_is_compared(panel):
    assert list(describe_changed_membership(None, list_flips(panel), panel.dates[-1])) == []
