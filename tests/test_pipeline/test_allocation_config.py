"""Scores and few positions in a configuration: mistakes are named, what is asked holds at every decision."""

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from running import evaluated, pipeline_of

from market.errors import SourceError
from pipeline.audit.audit import audit
from pipeline.config import load_config
from pipeline.errors import ConfigError, RunError
from pipeline.progress import Reporter
from pipeline.stages.loading import load_data

SMALL = {
    "models": {"ridge": {"kind": "ridge", "n_penalties": 5}},
    "allocation__forecast": "ridge",
    "features__include": ["asset", "market"],
}
OURS = ("model:ridge", "minimum_variance", "historical_mean", "no_forecast")


def write_scores(folder, seed=0):
    """Write yearly scores of all assets but the last, known four months later, and return them as a table."""
    names = (folder / "prices.csv").read_text().splitlines()[0].split(",")[1:]
    rng = np.random.default_rng(seed)
    dates = pd.date_range("1988-12-31", "2003-12-31", freq="YE")
    table = pd.DataFrame(rng.uniform(0, 10, (len(dates), len(names) - 1)).round(2), dates, names[:-1])
    table.rename_axis("date").to_csv(folder / "esg.csv")
    return table


def known(table, dates, lag=120, names=None):
    """Return the scores known at each date by looking for each alone, shape (T, N)."""
    out = np.full((len(dates), len(names)), np.nan)
    for t, date in enumerate(dates):
        past = table[table.index + pd.Timedelta(days=lag) <= date]
        if len(past) and (date - past.index[-1]).days <= 500:
            out[t, : table.shape[1]] = past.iloc[-1]
    return out


@pytest.fixture
def scored(mine, tmp_path):
    """Return a function from settings of `esg` and other changes to a configuration, and the table of scores."""
    table = write_scores(tmp_path)

    def write(changes=(), **esg):
        given = {"path": str(tmp_path / "esg.csv"), "max_age_days": 500, "lag_days": 120} | esg
        return load_config(mine(**SMALL, allocation__esg=given, **dict(changes)))

    return write, table


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"floor": 5}, r"allocation\.esg\.path: missing.*\n.*allocation\.esg\.max_age_days: missing"),
        (
            {"path": "x.csv", "max_age_days": 400},
            r"allocation\.esg: nothing is done with the scores: give excl",
        ),
        ({"path": "x.csv", "max_age_days": 400, "flor": 5}, r"allocation\.esg\.flor: unknown key; .*'floor'"),
        (
            {"path": "x.csv", "max_age_days": 0, "floor": 5},
            r"esg\.max_age_days: .*greater than or equal to 1",
        ),
        ({"path": "x.csv", "max_age_days": 9, "floor": 5, "missing": "drop"}, r"allocation\.esg\.missing"),
    ],
)
def test_mistakes_about_scores_are_named(mine, section, message):
    with pytest.raises(ConfigError, match=message):
        load_config(mine(**SMALL, allocation__esg=section))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"maximum": 0}, r"allocation\.positions\.maximum: .*greater than or equal to 1"),
        ({"minimum_weight": 0.1}, r"allocation\.positions\.maximum: missing"),
        ({"maximum": 3, "most": 4}, r"allocation\.positions\.most: unknown key"),
    ],
)
def test_mistakes_about_positions_are_named(mine, section, message):
    with pytest.raises(ConfigError, match=message):
        load_config(mine(**SMALL, allocation__positions=section))


def test_a_floor_and_few_positions_do_not_go_together(scored):
    write, _ = scored
    with pytest.raises(ConfigError, match=r"esg\.floor and positions do not go together"):
        write({"allocation__positions": {"maximum": 3}}, floor=5)
    assert write({"allocation__positions": {"maximum": 3}}, exclude_below=2).allocation.positions.maximum == 3


def test_a_table_that_says_not_when_it_was_known_is_refused(scored):
    write, _ = scored
    with pytest.raises(SourceError, match=r"esg\.csv: when was a score known\?"):
        load_data(write(floor=5, lag_days=None), Reporter(Console(quiet=True)))


def test_floor_and_exclusion_hold_at_every_decision_by_what_was_known(scored):
    write, table = scored
    # Without penalties the floor binds more often.
    plain = {"allocation__l2_penalty": 0.0, "allocation__active_risk_aversion": 0.0}
    done = evaluated(write({"audit": {"cuts": 1}, **plain}, floor=6.0, exclude_below=1.0))
    panel = done.trained.prepared.panel
    scores = known(table, panel.dates, names=panel.assets)
    binding = 0
    for name in OURS:
        result = done.results[name]
        for row, w in zip(result.decisions, result.targets, strict=True):
            held = w != 0
            assert (scores[row][held] >= 1.0).all(), "below the exclusion, or without a score"
            slack = w[held] @ (scores[row][held] - 6.0)
            assert slack >= -1e-9
            binding += slack < 1e-4
    assert binding > 20
    assert done.target.certificate.slack["score at least 6"] >= 0
    certificate = audit(done)
    assert certificate.clean
    assert any(item["name"] == "score" and item["values"] > 0 for item in certificate.checked)


def test_a_tilt_moves_what_expects_something_and_nothing_else(scored, mine):
    write, table = scored
    tilted, plain = evaluated(write(tilt=0.004, missing="mean")), evaluated(load_config(mine(**SMALL)))
    rows = tilted.results["model:ridge"].decisions
    scores = known(table, tilted.trained.prepared.panel.dates, names=tilted.trained.prepared.panel.assets)[
        rows
    ]
    scores = np.nan_to_num(scores - np.nanmean(scores, axis=1, keepdims=True))
    for name in OURS:
        moved = tilted.results[name].targets - plain.results[name].targets
        if name == "minimum_variance":
            assert not moved.any()
        else:
            assert (moved * scores).sum(axis=1).mean() > 0.1, name


def test_other_scores_are_other_data(scored, tmp_path):
    write, _ = scored
    config, quiet = write(floor=5.0), Reporter(Console(quiet=True))
    first = load_data(config, quiet)[0].digest()
    assert load_data(config, quiet)[0].digest() == first
    write_scores(tmp_path, seed=1)
    assert load_data(config, quiet)[0].digest() != first


def test_what_cannot_be_met_is_said_with_its_date_before_anything_is_fitted(scored, mine):
    write, _ = scored
    with pytest.raises(RunError, match=r"allocation, at \d{4}-\d\d-\d\d: .*esg\.floor.* at least 0"):
        pipeline_of(write(floor=9.9)).prepare()
    with pytest.raises(RunError, match=r"allocation, at .*: score of each asset at least 10 leaves none"):
        pipeline_of(write(exclude_below=10)).prepare()
    with pytest.raises(RunError, match=r"allocation, at .*: none of the \d assets has a score"):
        pipeline_of(write(floor=5, max_age_days=30)).prepare()
    few = load_config(mine(**SMALL, allocation__positions={"maximum": 1}))
    with pytest.raises(RunError, match=r"allocation, at .*: .*at most 1 positions.*allow 2 positions"):
        pipeline_of(few).prepare()


def test_what_cannot_be_met_is_held_where_that_is_asked(scored):
    write, _ = scored
    done = evaluated(write({"allocation__on_infeasible": "hold"}, floor=8.0))
    result = done.results["model:ridge"]
    assert 0 < len(result.holds) < len(result.positions)
    assert any("score at least 8" in reason for reason in result.reasons)


def test_few_positions_hold_at_every_decision(mine):
    given = {"maximum": 3, "minimum_weight": 0.1}
    done = evaluated(load_config(mine(**SMALL, allocation__positions=given, audit={"cuts": 1})))
    for name in OURS:
        held = done.results[name].targets
        assert (np.count_nonzero(held, axis=1) <= 3).all()
        assert held[held != 0].min() >= 0.1 - 1e-9
    assert np.count_nonzero(done.results["equal_weight"].targets, axis=1).max() > 3
    assert done.target.certificate.slack["at most 3 positions"] >= 0
    assert audit(done).clean


@pytest.mark.parametrize("key", ["maximum", "turnover", "annual_volatility", "annual_tracking_error"])
def test_limits_in_percent_are_refused(mine, key):
    with pytest.raises(
        ConfigError, match=rf"allocation\.{key}: 30 is 3000%; limits are fractions: 0\.3 is 30 %"
    ):
        load_config(mine(**{f"allocation__{key}": 30}))


def test_an_evaluation_of_few_holding_periods_is_warned_of(mine):
    last = pipeline_of(load_config(mine(**SMALL))).prepare().panel.dates[-8]
    prepared = pipeline_of(load_config(mine(evaluation__start=f"{last:%Y-%m-%d}", **SMALL))).prepare()
    (one,) = [each for each in prepared.findings if each.check == "short evaluation"]
    assert "holding periods of 1 row that do not overlap" in one.message
    usual = pipeline_of(load_config(mine(**SMALL))).prepare()
    assert not [each for each in usual.findings if each.check == "short evaluation"]
