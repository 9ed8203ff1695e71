"""Whole runs in which assets enter and leave the universe and are delisted, and leaks of who is a member."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from own_prices import settings, write_prices
from running import evaluated, pipeline_of
from test_calendars_in_runs import strategies

import market.load
from market.readers.membership import application
from market.readers.membership.records import Changes, Membership
from pipeline.audit.audit import audit, refuse
from pipeline.audit.invariants import check_members
from pipeline.config import load_config
from pipeline.errors import ConfigError, LeakError, RunError
from pipeline.export.freeze import inputs

MODELS = {"ridge": {"kind": "ridge", "n_penalties": 8, "inner_splits": 2}}
N = 150
LAG = 1


def write_universe(folder):
    """Write prices of seven assets, of which one is delisted, one leaves and comes back, and one enters late."""
    panel = write_prices(folder / "prices.csv", n_dates=N, n_assets=7, late=False, deaths=False, holes=False)
    table = pd.read_csv(folder / "prices.csv", index_col=0)
    names = list(table.columns)
    table.iloc[131:, 1] = np.nan  # its last price is in row 129 of the panel
    table.to_csv(folder / "prices.csv")
    day = [f"{date:%Y-%m-%d}" for date in panel.dates]
    lines = ["asset,from,to,known_at"]
    lines += [f"{name},{day[0]},," for name in (names[0], names[1], names[2], names[4], names[5])]
    lines += [f"{names[3]},{day[0]},{day[120]},", f"{names[3]},{day[135]},,{day[138]}"]
    lines += [f"{names[6]},{day[118]},,{day[122]}"]
    (folder / "universe.csv").write_text("\n".join(lines) + "\n")
    (folder / "gone.csv").write_text(f"asset,date,return\n{names[1]},{day[130]},-0.6\n")
    return names


def config_of(folder, **changes):
    changes = {
        "models": MODELS,
        "allocation__forecast": "ridge",
        "allocation__maximum": 1.0,
        "features__include": ["return_1", "volatility_12", "market", "return_1_z"],
        "target__execution_lag": LAG,
        "audit": {"cuts": 1},
        **changes,
    }
    content = settings(folder, N, **changes)
    content["data"]["universe"] = {
        "path": str(folder / "universe.csv"),
        "delistings": str(folder / "gone.csv"),
    }
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(content))))
    return path


@pytest.fixture
def names(tmp_path):
    return write_universe(tmp_path)


def test_every_strategy_holds_members_alone_and_pays_for_a_delisting(tmp_path, names):
    others = [names[n] for n in (0, 1, 2, 3, 4, 5)]
    done = evaluated(config_of(tmp_path, strategies=strategies(others)))
    panel, schedule = done.trained.prepared.panel, done.trained.prepared.schedule
    member = panel.member
    assert np.flatnonzero(~member[:, 3]).tolist() == list(range(121, 138))
    assert np.flatnonzero(member[:, 6])[0] == 122
    assert not member[130:, 1].any()
    assert member[:130, 1].all()
    assert panel.returns[130, 1] == -0.6
    left = []
    for name, result in done.results.items():
        assert check_members(result, panel, schedule.decisions, LAG).row is None, name
        for row, target in zip(result.decisions.tolist(), result.targets, strict=True):
            assert not np.abs(target[~member[row]]).max() > 1e-12, (name, row)
        # Who was held when it left was sold by a trade that was decided in the next row.
        for column, gone in ((3, 121), (1, 130)):
            k = result.positions.tolist().index(gone)
            held = abs(result.weights[k, column]) > 1e-9
            left.append((name, column, held))
            assert not np.abs(result.weights[k + 1 + LAG :, column][:10]).any(), (name, column)
        k = result.positions.tolist().index(130)
        earned = np.nan_to_num(panel.returns[130]).copy()
        assert result.gross[k] == pytest.approx(
            result.weights[k] @ earned + result.cash_weight[k] * panel.cash[130]
        )
    for column in (1, 3):
        assert sum(held for _, at, held in left if at == column) > 10, "most portfolios held it"
    assert np.isnan(schedule.target.value[~member]).all()
    forecast = done.trained.forecasts["ridge"]
    assert np.isnan(forecast.mean[~member[forecast.positions]]).all()
    certificate = audit(done)
    assert certificate.clean, certificate.leaks
    assert any("no member at t" in rule["rule"] for rule in certificate.rules)


def test_buy_and_hold_sells_who_leaves(tmp_path, names):
    done = evaluated(config_of(tmp_path))
    result = done.results["buy_and_hold"]
    assert result.notes[1] == f"sold, no longer in the universe: {names[3]}"
    assert result.notes[2] == f"sold, no longer in the universe: {names[1]}"
    assert result.decisions.tolist()[1:] == [121, 130]


def forget_when_known(monkeypatch):
    """Use each membership from its beginning on, also where it became known later."""
    at = Membership.at

    def leaking(self, dates, assets):
        changes = self.changes
        early = Changes(changes.asset, changes.at, changes.at, changes.member)
        return at(replace(self, changes=early), dates, assets)

    monkeypatch.setattr(Membership, "at", leaking)


def know_a_year_early(monkeypatch):
    """Let members of the next year in now."""
    at = Membership.at

    def leaking(self, dates, assets):
        out = at(self, dates, assets)
        return out | np.vstack([out[12:], np.repeat(out[-1:], min(12, len(out)), axis=0)])

    monkeypatch.setattr(Membership, "at", leaking)


def keep_survivors(monkeypatch):
    """Leave out who is no member at the end."""
    at = Membership.at
    monkeypatch.setattr(
        Membership, "at", lambda self, dates, assets: at(self, dates, assets) & at(self, dates, assets)[-1]
    )


def pay_a_delisting_early(monkeypatch):
    """Earn the delisting return in the row before."""
    find = application.find_ends

    def leaking(panel, membership, unmerged):
        return {n: replace(end, row=end.row - 1) for n, end in find(panel, membership, unmerged).items()}

    monkeypatch.setattr(application, "find_ends", leaking)


@pytest.mark.parametrize(
    "plant", [forget_when_known, know_a_year_early, keep_survivors, pay_a_delisting_early]
)
def test_a_universe_that_knows_the_future_is_caught(tmp_path, names, monkeypatch, plant):
    plant(monkeypatch)
    done = evaluated(config_of(tmp_path, audit={"cuts": 3}))
    certificate = audit(done)
    with pytest.raises(LeakError, match="looked ahead"):
        refuse(certificate)
    assert {leak.stage for leak in certificate.leaks} <= {"data", "labels"}


def test_a_policy_that_keeps_outsiders_is_caught(tmp_path, names, monkeypatch):
    from pipeline.stages import trading

    monkeypatch.setattr(trading, "SellOutsiders", lambda policy, member, assets: policy)
    certificate = audit(evaluated(config_of(tmp_path)))
    assert certificate.leaks[0].stage == "portfolio buy_and_hold"
    assert "no member at t" in str(certificate.leaks[0])


def test_a_run_without_a_universe_knows_none(tmp_path, names):
    prepared = pipeline_of(_without(tmp_path)).prepare()
    assert prepared.panel.member is None


def _without(folder):
    path = config_of(folder)
    content = yaml.safe_load(path.read_text())
    del content["data"]["universe"]
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_universe_of_nobody_at_a_decision_is_refused(tmp_path, names):
    (tmp_path / "universe.csv").write_text(f"asset,from,to\n{names[0]},1990-01-31,2000-03-31\n")
    with pytest.raises(RunError, match=r"no asset can be held at 2000-04-30: .*data\.universe"):
        evaluated(config_of(tmp_path))


@pytest.mark.parametrize(
    "universe, message",
    [
        ({"pth": "u.csv"}, "data.universe.*path"),
        ("u.csv", "data.universe"),
        ({"path": "u.csv", "delisting": "x"}, "delistings"),
    ],
)
def test_mistakes_in_the_section_are_named(tmp_path, names, universe, message):
    path = config_of(tmp_path)
    content = yaml.safe_load(path.read_text())
    content["data"]["universe"] = universe
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_a_missing_file_is_named(tmp_path, names):
    (tmp_path / "universe.csv").unlink()
    with pytest.raises(market.load.SourceError, match=r"universe\.csv"):
        pipeline_of(config_of(tmp_path)).prepare()


def test_the_exported_models_see_members_alone(tmp_path, names):
    """At a date on which an asset with prices is no member, the frozen models give the forecasts of the run."""
    done = evaluated(config_of(tmp_path))
    trained, row = done.trained, 125
    prepared = trained.prepared
    table = inputs(prepared, trained.regimes, row)
    member = prepared.panel.member[row]
    assert prepared.panel.listed[row, 3]
    assert not member[3]
    assert table["asset"].tolist() == [name for name, inside in zip(names, member, strict=True) if inside]
    assert np.isfinite(table["risk"]).all()
