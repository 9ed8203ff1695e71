"""The verdict: what it rests on, what it is corrected by, and that it cannot be flattered."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from own_prices import settings, write_prices
from rich.console import Console
from test_cli import tangency
from test_ledger import entry
from threadpoolctl import threadpool_info, threadpool_limits

from foundation.json_text import to_json
from pipeline.chains.ledger import Ledger
from pipeline.chains.repair import repair_chains
from pipeline.config import RunConfig
from pipeline.export.publication import judge_run, open_ledger
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.stages import results
from pipeline.stages.results import evaluate_from
from pipeline.store import Store
from pipeline.tracking.shared_trials import known_trials
from pipeline.verdict import corrected_tests
from pipeline.verdict.corrected_tests import SIZE, corrected
from pipeline.verdict.evidence import judge
from pipeline.verdict.reasons import MEANING, NONE, PAYS, UNPAID, WORSE
from pipeline.verdict.trial import describe_trial, gain_of, monthly

pytestmark = pytest.mark.usefixtures("mlflow_here")

QUIET = Reporter(Console(quiet=True))


def evaluated(folder, signal=0.3, n_dates=240, **changes):
    write_prices(
        folder / "prices.csv",
        n_dates=n_dates,
        n_assets=8,
        seed=1,
        signal=signal,
        late=False,
        deaths=False,
        holes=False,
    )
    content = settings(folder, n_dates, cost_rate=0.0, allocation__forecast="ridge", **changes)
    content["models"] = {"mean": {"kind": "mean"}, "ridge": {"kind": "ridge", "n_penalties": 12}}
    content["features"] = {"include": ["market", "return_1", "momentum_12_1"]}
    config = RunConfig.model_validate(content)
    pipeline = Pipeline(config, Store(config.output / "store"), QUIET)
    return pipeline.evaluate(pipeline.train(pipeline.prepare()))


@pytest.fixture(scope="module")
def signal(tmp_path_factory):
    return evaluated(tmp_path_factory.mktemp("signal"))


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    return evaluated(tmp_path_factory.mktemp("noise"), signal=None)


def trials(folder, *entries):
    ledger = Ledger(folder / "ledger.jsonl")
    ledger.add(entries)
    return ledger.trials("mine")


def test_a_planted_signal_has_skill_and_noise_has_not(signal, noise, tmp_path):
    found = judge(signal, trials(tmp_path, describe_trial(signal)))
    assert found.verdict == PAYS
    assert found.tests["forecast_p_corrected"] == found.tests["forecast_p"] < 0.001
    assert found.tests["gain"] > 0
    assert found.tests["deflated_sharpe"] > 0.95
    assert "ridge" in found.superior
    assert judge(noise, trials(tmp_path / "noise", describe_trial(noise))).verdict != PAYS


def test_the_more_was_tried_the_more_it_takes(signal, tmp_path):
    alone = judge(signal, trials(tmp_path / "a", describe_trial(signal)))
    many = judge(
        signal, trials(tmp_path / "b", describe_trial(signal), entry("x", tunings=10**9, **_kept(signal)))
    )
    assert many.trials["count"] == 10**9 + 2
    assert many.tests["forecast_p_corrected"] == corrected(alone.tests["forecast_p"], 2)
    assert many.tests["deflated_sharpe"] < alone.tests["deflated_sharpe"]
    assert many.tests["spa_p"] > alone.tests["spa_p"]
    weak = with_p(signal, 0.01)
    assert judge(weak, trials(tmp_path / "c", describe_trial(signal))).verdict == PAYS
    five = [describe_trial(signal), *(entry(str(k), **_kept(signal)) for k in range(5))]
    assert judge(weak, trials(tmp_path / "d", *five)).verdict == NONE


def printed(capsys):
    """Return what was printed; a table folds lines anywhere between words."""
    return " ".join(capsys.readouterr().out.split())


def _kept(done):
    """Return the series of returns that a made-up trial shall have."""
    return {key: describe_trial(done)[key] for key in ("gain", "first", "gain_sharpe")}


def with_net(done, change):
    """Return an evaluation in which the portfolio on the forecast earned something else."""
    mine = done.results["model:ridge"]
    return replace(done, results={**done.results, "model:ridge": replace(mine, net=change(mine.net))})


def with_p(done, p, key="rank_ic_p"):
    """Return an evaluation in which one of the forecast's tests has another p-value."""
    score = done.scores["ridge"]
    changed = replace(score, metrics={**score.metrics, key: p})
    return replace(done, scores={**done.scores, "ridge": changed})


def paying(done, gain):
    """Return an evaluation in which the portfolio earns so much a month above no forecast, with noise around it."""
    base = done.results["no_forecast"].net
    noise = np.random.default_rng(0).normal(0, 0.01, len(base))
    return with_net(done, lambda net: base + noise - noise.mean() + gain)


def test_a_ranking_that_never_changes_beats_chance_and_is_no_skill(signal, tmp_path):
    """Both tests of the forecast are needed; the reason says which one failed."""
    constant = with_p(paying(signal, 0.005), 1.0, "timing_ic_p")
    found = judge(constant, trials(tmp_path / "a", describe_trial(constant)))
    assert found.verdict == NONE
    assert found.tests["chance_p"] < 0.001
    assert (found.tests["forecast_p"], found.tests["verdict_p"]) == (1, 1)
    assert "better than chance (p < 0.001, the first configuration tried), but not shown" in found.reason
    assert "a forecast that never changes (p = 1.000)" in found.reason
    assert "Its portfolio gained" in found.reason
    unknown = with_p(paying(signal, 0.005), float("nan"), "timing_ic_p")
    assert judge(unknown, trials(tmp_path / "b", describe_trial(unknown))).verdict == NONE
    weak = with_p(paying(signal, 0.005), 0.03, "timing_ic_p")
    assert judge(weak, trials(tmp_path / "c", describe_trial(weak))).verdict == PAYS
    many = [describe_trial(weak), entry("x", **_kept(signal))]
    found = judge(weak, trials(tmp_path / "d", *many))
    assert found.verdict == NONE, "the test of timing is corrected too"
    assert found.tests["forecast_p_corrected"] == corrected(0.03, 2)


def test_the_permutation_test_is_beside_the_verdict_and_not_in_it(signal, tmp_path):
    biased = with_p(paying(signal, 0.005), 1.0, "permutation_p")
    found = judge(biased, trials(tmp_path, describe_trial(biased)))
    assert found.tests["permutation_p"] == 1
    assert found.verdict == PAYS


def test_an_absolute_forecast_is_judged_by_returns(signal, tmp_path):
    prepared = signal.trained.prepared
    target = prepared.config.target.model_copy(update={"relative": False})
    config = prepared.config.model_copy(update={"target": target})
    done = replace(signal, trained=replace(signal.trained, prepared=replace(prepared, config=config)))
    metrics = done.scores["ridge"].metrics
    tests = judge(done, trials(tmp_path, describe_trial(done))).tests
    assert (tests["chance_p"], tests["timing_p"]) == (metrics["clark_west_p"], metrics["timing_return_p"])
    assert tests["forecast_p"] == max(tests["chance_p"], tests["timing_p"])


def test_an_unshown_gain_comes_with_the_years_that_would_show_it(signal, tmp_path):
    """One sentence for a moderate gain, a small one, none, and one corrected for trials."""
    seen, sentences = [], []
    for k, gain in enumerate((0.0008, 0.0002, -0.0002)):
        done = paying(signal, gain)
        found = judge(done, trials(tmp_path / str(k), describe_trial(done)))
        assert found.verdict == UNPAID
        seen.append(found.tests)
        sentences.append(found.reason)
    judged = seen[0]["gain_years_judged"]
    assert judged == pytest.approx(len(signal.results["no_forecast"].net) / 12)
    assert (
        judged < seen[0]["gain_years_needed"] < seen[0]["gain_years_needed_80"] < seen[1]["gain_years_needed"]
    )
    assert f"takes {seen[0]['gain_years_needed']:.0f} years of data for an even chance" in sentences[0]
    assert "would take more than 200 years of data" in sentences[1]
    assert "no number of years would show it" in sentences[2]
    assert json.loads(to_json(seen[2]))["gain_years_needed"] is None
    assert all(f"({judged:.0f} years were judged)" in text for text in sentences)
    done = paying(signal, 0.0008)
    many = [describe_trial(done), *(entry(str(k), **_kept(signal)) for k in range(9))]
    stricter = judge(done, trials(tmp_path / "many", *many)).tests
    assert stricter["gain_years_needed"] > seen[0]["gain_years_needed"]


def test_skill_takes_a_forecast_and_a_gain_that_both_pass(signal, tmp_path):
    for name, done, verdict in (
        ("a", paying(signal, 0.005), PAYS),
        ("b", paying(signal, 0.0), UNPAID),
        ("c", paying(signal, -0.005), WORSE),
        ("d", with_p(paying(signal, 0.005), 0.4), NONE),
        ("e", with_p(paying(signal, 0.0), 0.4), NONE),
        ("f", with_p(paying(signal, -0.005), 0.4), WORSE),
    ):
        found = judge(done, trials(tmp_path / name, describe_trial(done)))
        tests = found.tests
        assert found.verdict == verdict, name
        assert found.reason.startswith(MEANING[verdict])
        assert tests["verdict_p"] == max(tests["forecast_p_corrected"], tests["gain_p_corrected"])
        assert (found.verdict == PAYS) == (tests["verdict_p"] < 0.05)
        assert (found.verdict == WORSE) == (tests["gain_p_worse"] < 0.05)
        low, high = (f"{100 * tests[key]:+.2f} %" for key in ("gain_low", "gain_high"))
        assert f"95 % interval {low} to {high}" in found.reason


def test_the_gain_is_corrected_for_what_was_tried_too(signal, tmp_path):
    done = next(
        done
        for done in (paying(signal, step / 20000) for step in range(100))
        if judge(done, trials(tmp_path / str(id(done)), describe_trial(done))).tests["gain_p"] < 0.03
    )
    assert judge(done, trials(tmp_path / "one", describe_trial(done))).verdict == PAYS
    many = [describe_trial(done), *(entry(str(k), **_kept(signal)) for k in range(4))]
    found = judge(done, trials(tmp_path / "many", *many))
    assert found.tests["gain_p_corrected"] == corrected(found.tests["gain_p"], 5) > 0.05
    assert found.verdict == UNPAID
    assert "not shown to gain" in found.reason
    assert "corrected for 5 configurations" in found.reason


def test_a_portfolio_that_never_leaves_its_baseline_does_not_pay(signal, tmp_path):
    idle = with_net(signal, lambda net: signal.results["no_forecast"].net)
    found = judge(idle, trials(tmp_path, describe_trial(idle)))
    assert found.verdict == UNPAID
    assert found.tests["gain"] == 0
    assert np.isnan(found.tests["verdict_p"])
    assert "the same with and without the forecast" in found.reason
    unknown = with_p(idle, 0.4)
    assert judge(unknown, trials(tmp_path / "b", describe_trial(unknown))).verdict == NONE
    json.dumps(found.as_dict())


def test_sidak_is_the_chance_that_any_of_n_is_so_small():
    draws = np.random.default_rng(0).uniform(size=(200_000, 7)).min(axis=1)
    assert corrected(0.01, 7) == pytest.approx((draws < 0.01).mean(), abs=0.002)
    assert corrected(0.03, 1) == pytest.approx(0.03)
    assert corrected(1e-12, 10**6) == pytest.approx(1e-6, rel=1e-3), "no cancellation"
    assert np.isnan(corrected(float("nan"), 3))


def test_a_trial_keeps_its_months_above_equal_weight(signal):
    captured = describe_trial(signal)
    dates = signal.trained.prepared.panel.dates
    expected = monthly(signal.results["model:ridge"], dates) - monthly(signal.results["equal_weight"], dates)
    np.testing.assert_allclose(gain_of(captured).to_numpy(), expected.to_numpy(), atol=1e-7)
    assert list(gain_of(captured).index) == list(expected.index)


def test_other_forecasts_are_another_trial_though_limits_hold_the_same_portfolio(signal, tmp_path):
    other = replace(signal, scores=dict(signal.scores))
    score = signal.scores["ridge"]
    other.scores["ridge"] = replace(score, rank_ic=-score.rank_ic)
    tried = trials(tmp_path, describe_trial(signal), describe_trial(other) | {"id": "other"})
    assert tried.looks == 2
    again = trials(
        tmp_path / "again", describe_trial(signal), describe_trial(signal) | {"id": "a comment edited"}
    )
    assert again.looks == 1


def test_what_others_traded_is_in_the_contest(signal, tmp_path):
    alone = judge(signal, trials(tmp_path / "a", describe_trial(signal)))
    other = entry("other", **_kept(signal))
    more = judge(signal, trials(tmp_path / "b", describe_trial(signal), other))
    assert more.tests["strategies_compared"] == alone.tests["strategies_compared"] + 1
    assert "trial other" in more.superior


def test_an_evaluation_enters_the_ledger_once_and_says_so(signal):
    config = signal.trained.prepared.config
    before = len(open_ledger(config).lines())
    first = judge_run(signal, QUIET)
    assert judge_run(signal, QUIET) == first
    assert len(open_ledger(config).lines()) == before + 1
    assert QUIET.stage_lines["verdict"].startswith(first.verdict)


def test_statistics_are_of_one_thread_however_many_there_are(signal, tmp_path, monkeypatch):
    # Threads may add up in another order: a p-value would depend on the machine that it was computed on.
    seen = {}

    def watched(place, name):
        plain = getattr(place, name)

        def call(*arguments, **options):
            seen[name] = {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}
            return plain(*arguments, **options)

        monkeypatch.setattr(place, name, call)

    watched(results, "compare_results")
    watched(results, "score_forecast")
    watched(corrected_tests, "superior_predictive_ability")
    with threadpool_limits(2, "blas"):
        evaluate_from(signal, 200)
        judge(signal, trials(tmp_path, describe_trial(signal)))
    assert seen == {
        name: {1} for name in ("compare_results", "score_forecast", "superior_predictive_ability")
    }


def test_since_is_the_evaluation_of_the_last_rows_alone(signal):
    rows = signal.results["model:ridge"].positions
    part = evaluate_from(signal, int(rows[-24]))
    np.testing.assert_array_equal(part.results["model:ridge"].net, signal.results["model:ridge"].net[-24:])
    assert part.performance["model:ridge"]["n_periods"] == 24
    assert part.scores["ridge"].positions[0] == rows[-24]
    whole = evaluate_from(signal, int(rows[0]) - 1)
    assert dict(whole.performance["model:ridge"]) == pytest.approx(
        dict(signal.performance["model:ridge"]), nan_ok=True
    )


def test_a_sealed_holdout_is_not_even_loaded(mine, tmp_path, monkeypatch, capsys):
    path = mine(evaluation={"start": "1999-03-31", "holdout": "2001-01-31"})
    assert tangency(monkeypatch, "run", "--config", path) == 0
    assert "sealed from 2001-01-31" in capsys.readouterr().out
    folder = tmp_path / "runs" / "latest"
    captured = json.loads((folder / "summary.json").read_text())
    assert captured["data"]["last"] == "2000-12-31"
    assert captured["evidence"]["trials"]["unsealings"] == []
    assert "is sealed" in (folder / "report.html").read_text()
    # What lies behind the seal may be anything: a run that does not read it cannot differ.
    lines = (tmp_path / "prices.csv").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("2001", "2002"))]
    later = [
        ",".join([line.split(",")[0], *["-7"] * (len(line.split(",")) - 1)])
        for line in lines
        if line[:4] in ("2001", "2002")
    ]
    assert len(later) > 12
    (tmp_path / "prices.csv").write_text("\n".join([*kept, *later]) + "\n")
    assert tangency(monkeypatch, "run", "--config", path) == 0
    assert "nothing has changed since this run" in capsys.readouterr().out


def test_who_ran_without_the_seal_has_seen_the_holdout(mine, tmp_path, monkeypatch, capsys):
    """Taking the holdout out, choosing, and putting it back is no first look."""
    for seed in range(2):
        path = mine(evaluation={"start": "1999-03-31"}, seed=seed, cost_rate=0.001 * seed)
        assert tangency(monkeypatch, "evaluate", "--config", path) == 0
    path = mine(evaluation={"start": "1999-03-31", "holdout": "2001-01-31"})
    assert tangency(monkeypatch, "evaluate", "--config", path) == 0
    capsys.readouterr()
    assert tangency(monkeypatch, "evaluate", "--config", path, "--unseal") == 0
    assert "corrected for 3 looks at the holdout" in printed(capsys)


def test_each_unsealing_is_recorded_before_it_is_read_and_counted(mine, tmp_path, monkeypatch, capsys):
    path = mine(evaluation={"start": "1999-03-31", "holdout": "2001-01-31"})
    assert tangency(monkeypatch, "evaluate", "--config", path, "--unseal") == 0
    captured = printed(capsys)
    assert "unsealed from 2001-01-31, time 1" in captured
    assert "the first unsealing" in captured
    assert tangency(monkeypatch, "evaluate", "--config", path, "--unseal") == 0
    assert "corrected for 2 looks at the holdout" in printed(capsys)

    from pipeline import holdout

    load = holdout.load_data

    def interrupted(*arguments, unseal=False):
        if unseal:
            raise KeyboardInterrupt
        return load(*arguments)

    monkeypatch.setattr(holdout, "load_data", interrupted)
    assert tangency(monkeypatch, "evaluate", "--config", path, "--unseal") == 130
    monkeypatch.undo()
    assert tangency(monkeypatch, "run", "--config", path) == 0
    summary = json.loads((tmp_path / "runs" / "latest" / "summary.json").read_text())
    assert len(summary["evidence"]["trials"]["unsealings"]) == 3
    assert "unsealed 3 times" in (tmp_path / "runs" / "latest" / "report.html").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluation": {"start": "1999-03-31", "holdout": "1999-03-31"}}, "is not after evaluation.start"),
        ({}, "evaluation.holdout is not set"),
        ({"evaluation": {"start": "1999-03-31", "holdout": "2031-01-31"}}, "but the data ends at 2002-06-30"),
        ({"evaluation": {"start": "1999-03-31", "holdout": "2002-06-30"}}, "fewer than two returns"),
    ],
)
def test_a_holdout_that_cannot_be_is_refused(mine, monkeypatch, capsys, changes, message):
    assert tangency(monkeypatch, "evaluate", "--config", mine(**changes), "--unseal") == 2
    assert message in capsys.readouterr().err


def test_a_copy_under_another_name_continues_the_count(mine, tmp_path, monkeypatch, capsys):
    """Other names of the configuration, its output folder and its data file, more dates and fewer assets."""
    path = mine(evaluation={"start": "1999-03-31"})
    assert tangency(monkeypatch, "evaluate", "--config", path) == 0
    assert "the first configuration tried" in printed(capsys)
    table = pd.read_csv(tmp_path / "prices.csv", index_col=0)
    months = pd.date_range(table.index[-1], periods=4, freq="ME")[1:].strftime("%Y-%m-%d")
    more = pd.DataFrame([table.iloc[-1] * x for x in (1.01, 1.03, 0.99)], index=months).rename_axis("date")
    pd.concat([table, more]).drop(columns=table.columns[1]).to_csv(tmp_path / "renamed.csv")
    copy = yaml.safe_load(path.read_text())
    copy |= {"name": "copy", "output": str(tmp_path / "runs2"), "cost_rate": 0.002}
    copy["data"]["path"] = str(tmp_path / "renamed.csv")
    (tmp_path / "copy.yaml").write_text(yaml.safe_dump(copy))
    assert tangency(monkeypatch, "evaluate", "--config", tmp_path / "copy.yaml") == 0
    assert "corrected for 2 configurations" in printed(capsys)


def test_a_second_configuration_changes_the_verdict_of_the_first(mine, tmp_path, monkeypatch, capsys):
    assert tangency(monkeypatch, "run", "--config", mine()) == 0
    assert "the first configuration tried" in printed(capsys)
    assert tangency(monkeypatch, "evaluate", "--config", mine(models__ridge__n_penalties=13)) == 0
    capsys.readouterr()
    assert tangency(monkeypatch, "run", "--config", mine()) == 0
    captured = printed(capsys)
    assert "nothing has changed" not in captured
    assert "corrected for 2 configurations" in captured
    (tmp_path / "runs" / "ledger.jsonl").unlink()
    assert tangency(monkeypatch, "run", "--config", mine()) == 2
    assert "ledger.jsonl: the file is missing, but it had 2 lines" in capsys.readouterr().err
    output = tmp_path / "runs"
    (repaired,) = repair_chains(output, "deleted", known_trials(output, "mine"))
    assert (repaired.lines, repaired.lost) == (2, 0), "the experiment remembers"
    assert tangency(monkeypatch, "run", "--config", mine()) == 0
    assert "corrected for 2 configurations" in printed(capsys)
    assert SIZE == 0.05
