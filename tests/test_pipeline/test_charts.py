"""Charts of a run, read back from what they show, are the run."""

import functools
import re
from dataclasses import replace

import numpy as np
import pytest
from own_prices import settings, write_prices
from running import evaluated
from seen import Seen, points_of

from pipeline.config import RunConfig
from pipeline.report.charts import colours, run_charts
from pipeline.report.formats import label

HOSTILE = "A & <B>"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a function that evaluates a small run, once for each least weight."""

    @functools.cache
    def small(minimum=0.0):
        folder = tmp_path_factory.mktemp("run")
        write_prices(folder / "prices.csv", n_dates=150, n_assets=8, seed=2)
        header, rest = (folder / "prices.csv").read_text().split("\n", 1)
        named = header.replace(header.split(",")[1], HOSTILE, 1)
        (folder / "prices.csv").write_text(f"{named}\n{rest}")
        # Penalties would spread the weights so that none is short.
        bold = {"allocation__l2_penalty": 0.0, "allocation__active_risk_aversion": 0.0}
        return evaluated(RunConfig.model_validate(settings(folder, 150, allocation__minimum=minimum, **bold)))

    return small


def days(done, rows):
    return done.trained.prepared.panel.dates[rows].to_numpy().astype("datetime64[D]").astype(float)


def falls(wealth):
    return 100 * (wealth / np.maximum.accumulate(wealth) - 1)


def wealth_of(result):
    return np.r_[1.0, np.cumprod(1 + result.net)]


@pytest.mark.parametrize("minimum", [0.0, -0.5])
def test_all_charts_are_drawn_without_what_is_no_number(run, minimum):
    drawn = run_charts.draw(run(minimum))
    regimes = ["regimes", "regime_forecast", "reliability"]
    assert list(drawn) == ["wealth", "sharpe", "weights", *regimes, "information", "importance", "active"]
    for name, svg in drawn.items():
        assert not re.search(r"\bnan|\binf\b", svg), name


def test_wealth_of_all_that_is_compared(run):
    done = run()
    seen = Seen(run_charts._draw_wealth(done).svg())
    assert set(seen.names) == {label(name) for name in (*run_charts.BASELINES, done.chosen)}
    for name in (*run_charts.BASELINES, done.chosen):
        result = done.results[name]
        colour = seen.names[label(name)]
        ((across, up),) = seen.drawn(colour, 0, log=True)
        # A point in the middle of a level stretch is not written.
        np.testing.assert_allclose(
            across[[0, -1]], days(done, [result.positions[0] - 1, result.positions[-1]]), atol=1.5
        )
        at = days(done, np.r_[result.positions[0] - 1, result.positions])
        np.testing.assert_allclose(np.interp(at, across, up), wealth_of(result), rtol=2e-3)
    ((across, up),) = seen.drawn(colours.MINE, 1)
    expected = falls(wealth_of(done.results[done.chosen]))
    np.testing.assert_allclose(np.interp(at, across, up), expected, atol=0.1)
    assert len(set(seen.names.values())) == len(seen.names), "each has a colour of its own"


def test_no_trough_is_lost_between_points(run, monkeypatch):
    monkeypatch.setattr(run_charts, "POINTS", 10)
    done = run()
    result = done.results[done.chosen]
    net = result.net.copy()
    net[6:8] = -0.6, 1.4
    done = replace(done, results=done.results | {done.chosen: replace(result, net=net)})
    ((_, up),) = Seen(run_charts._draw_wealth(done).svg()).drawn(colours.MINE, 1)
    assert len(up) <= 12
    assert up.min() == pytest.approx(falls(np.r_[1.0, np.cumprod(1 + net)]).min(), abs=0.3)


def test_sharpe_ratios_with_their_intervals_under_their_names(run):
    done = run()
    worst = min(done.performance, key=lambda name: done.performance[name]["sharpe"])
    unknown = done.performance[worst] | {"sharpe": np.inf}
    done = replace(done, performance=done.performance | {worst: unknown})
    seen = Seen(run_charts._draw_sharpe(done).svg(), dated=False)
    rows = {content: at for at, content in seen.beside()}
    assert set(rows) == {label(name) for name in done.performance}
    order = [name for at, name in seen.beside()][:-1]
    assert order == sorted(
        order, key=lambda name: {label(k): v["sharpe"] for k, v in done.performance.items()}[name]
    )
    lines = [ends for p in seen.paths if p.get("stroke-width") == "2" for ends in points_of(p.get("d"))]
    dots = [(float(c.get("cx")), float(c.get("cy"))) for c in seen.root if c.tag.endswith("circle")]
    assert len(lines) == len(dots) == len(done.performance) - 1, "what is infinite has no place"
    for name in done.performance.keys() - {worst}:
        actual = done.performance[name]
        ((dot,),) = ([x for x, y in dots if abs(y - rows[label(name)]) < 3],)
        ((left, right),) = (ends[:, 0] for ends in lines if abs(ends[0, 1] - rows[label(name)]) < 3)
        width = 1.96 * actual["sharpe_se"]
        expected = [actual["sharpe"] - width, actual["sharpe"], actual["sharpe"] + width]
        np.testing.assert_allclose(seen.across(np.array([left, dot, right])), expected, atol=0.01)


def test_weights_that_are_stacked(run):
    done = run()
    result = done.results[done.chosen]
    seen = Seen(run_charts._draw_weights(done).svg())
    names = [*done.trained.prepared.panel.assets, "cash"]
    weights = 100 * np.column_stack([result.weights, result.cash_weight])
    held = [names[i] for i in np.argsort(-weights.mean(axis=0)) if weights[:, i].max() > 1e-7]
    assert HOSTILE in held
    assert list(seen.names) == held[::-1], "in the order in which they lie"
    # At the middle of each period, from the pieces of each colour.
    edges = days(done, np.r_[result.positions[0] - 1, result.positions])
    middles = (edges[1:] + edges[:-1]) / 2
    for name in held:
        heights = np.zeros(len(middles))
        for across, up in seen.drawn(seen.names[name], look="fill"):
            x, y = across.round(), up
            for k, middle in enumerate(middles):
                crossed = [y[i] for i in range(len(x) - 1) if (x[i] - middle) * (x[i + 1] - middle) < 0]
                heights[k] += np.ptp(crossed) if crossed else 0.0
        np.testing.assert_allclose(heights, weights[:, names.index(name)], atol=0.1, err_msg=name)
    assert seen.labels == ["weight, %"]


def test_weights_with_shorts_are_lines(run):
    done = run(-0.5)
    result = done.results[done.chosen]
    assert (result.weights < -0.01).any()
    seen = Seen(run_charts._draw_weights(done).svg())
    edges = days(done, np.r_[result.positions[0] - 1, result.positions])
    middles = (edges[1:] + edges[:-1]) / 2
    for name, held in zip(done.trained.prepared.panel.assets, 100 * result.weights.T, strict=True):
        assert (name in seen.names) == (np.abs(held).max() > 1e-7)
        if name in seen.names:
            ((across, up),) = seen.drawn(seen.names[name])
            np.testing.assert_allclose(np.interp(middles, across, up), held, atol=0.3)


def test_many_weights_and_dates_say_what_is_left_out(run, monkeypatch):
    done = run()
    every = Seen(run_charts._draw_weights(done).svg())
    monkeypatch.setattr(run_charts, "NAMED", 3)
    monkeypatch.setattr(run_charts, "POINTS", 10)
    few = Seen(run_charts._draw_weights(done).svg())
    assert list(few.names) == [f"and {len(every.names) - 3} more", *list(every.names)[-3:]]
    n = len(done.results[done.chosen].positions)
    assert few.labels == [f"weight, %, at one of {-(-n // 10)} dates"]


def test_a_short_position_between_two_points_is_not_hidden(run, monkeypatch):
    done = run()
    result = done.results[done.chosen]
    weights = result.weights.copy()
    weights[1, 0] = -0.4
    monkeypatch.setattr(run_charts, "POINTS", 10)
    other = replace(done, results=done.results | {done.chosen: replace(result, weights=weights)})
    assert Seen(run_charts._draw_weights(other).svg()).beside()[-1][1] != "100", "not drawn as a stack"


def test_regimes_stand_at_their_dates_and_turbulent_ones_are_red(run):
    done = run()
    regimes = done.trained.regimes
    seen = Seen(run_charts._draw_regimes(done).svg())
    states = np.unique(regimes.label[regimes.label >= 0])
    assert list(seen.names) == [f"regime {state}" for state in states]
    turbulence = regimes.centres[-1][:, 0]
    assert seen.names[f"regime {np.argmax(turbulence)}"] == "#f8cfc4"
    assert seen.names[f"regime {np.argmin(turbulence)}"] == "#cfe8d5"
    first = int(np.argmax(regimes.label >= 0))
    shown = np.full(len(regimes.label) - 1 - first, -1)
    middles = (days(done, slice(first, -1)) + days(done, slice(first + 1, None))) / 2
    for state in states:
        for across, _ in seen.drawn(seen.names[f"regime {state}"], look="fill", log=True):
            shown[(middles > across.min()) & (middles < across.max())] = state
    np.testing.assert_array_equal(shown, regimes.label[first:-1])
    at = days(done, slice(first, None))
    ((across, up),) = seen.drawn(run_charts.INK, log=True)
    market = np.cumprod(1 + done.trained.prepared.panel.market[first:])
    np.testing.assert_allclose(np.interp(at, across, up), market, rtol=2e-3)
    known = np.isfinite(regimes.anomaly[first:])
    pieces = seen.drawn("#b83280", 1)
    across, up = (np.concatenate(part) for part in zip(*pieces, strict=True))
    np.testing.assert_allclose(np.interp(at[known], across, up), regimes.anomaly[first:][known], atol=0.02)


@pytest.mark.parametrize("states", [1, 2, 3, 12])
def test_regimes_have_shades_of_their_own(states):
    shades = [colours.mix_shade(rank / max(1, states - 1)) for rank in range(states)]
    assert len(set(shades)) == states
    assert shades[0] == "#cfe8d5"
    assert states == 1 or shades[-1] == "#f8cfc4"


def test_no_unusual_date_is_lost_between_points(run, monkeypatch):
    done = run()
    anomaly = done.trained.regimes.anomaly.copy()
    anomaly[:] = 0.2
    anomaly[-8] = 0.97
    monkeypatch.setattr(run_charts, "POINTS", 10)
    trained = replace(done.trained, regimes=replace(done.trained.regimes, anomaly=anomaly))
    seen = Seen(run_charts._draw_regimes(replace(done, trained=trained)).svg())
    ((_, up),) = seen.drawn("#b83280", 1)
    assert up.max() == pytest.approx(0.97, abs=0.02)


def test_information_of_each_model(run):
    done = run()
    traded = done.trained.prepared.config.allocation.forecast
    seen = Seen(run_charts._draw_information(done).svg())
    assert seen.names[traded] == colours.MINE
    ranked = {name for name, score in done.scores.items() if np.isfinite(score.rank_ic).any()}
    assert set(seen.names) == ranked
    for name in ranked:
        score = done.scores[name]
        known = np.isfinite(score.rank_ic)
        at = days(done, score.positions[known])
        ((across, up),) = seen.drawn(seen.names[name], 1)
        np.testing.assert_allclose(np.interp(at, across, up), np.cumsum(score.rank_ic[known]), atol=0.05)
        ((across, up),) = seen.drawn(seen.names[name], 2)
        pixel = abs(np.diff(seen.up(np.array([0.0, 1.0]), 2))[0])
        np.testing.assert_allclose(np.interp(at, across, up), 100 * score.gain[known], atol=0.3 * pixel)
    widths = {
        path.get("stroke"): path.get("stroke-width") for path in seen.paths if path.get("fill") == "none"
    }
    assert max(widths, key=lambda colour: float(widths[colour])) == colours.MINE
    folds = done.scores[traded].by_fold
    for colour, sign in ((colours.MINE, 1), (colours.LOSS, -1)):
        bars = seen.drawn(colour, 0, "fill")
        expected = [fold for fold in folds if np.sign(fold["rank_ic"]) == sign]
        assert len(bars) == len(expected)
        for (across, up), fold in zip(bars, expected, strict=True):
            assert across.min() == pytest.approx(days(done, [int(fold["first_test"])])[0], abs=3)
            assert sign * np.abs(up).max() == pytest.approx(fold["rank_ic"], abs=0.01)
            assert np.abs(up).min() == pytest.approx(0, abs=0.01)


def test_a_run_may_have_any_number_of_models(run):
    done = run()
    some = done.scores["ridge"]
    many = {"combination": done.scores["combination"], **{f"m{n}": some for n in range(30)}}
    seen = Seen(run_charts._draw_information(replace(done, scores=many)).svg())
    assert set(seen.names) == set(many)
    bottom = seen.planes[1][3]
    assert max(y for _, y in seen.places.values()) < bottom


def test_importance_of_features_the_largest_on_top(run):
    done = run()
    seen = Seen(run_charts._draw_importance(done).svg(), dated=False)
    traded = done.trained.walks[done.trained.prepared.config.allocation.forecast]
    shares = 100 * np.array([fit.importance for fit in traded.fits])
    mean = shares.mean(axis=0)
    order = [i for i in np.argsort(mean)[-20:] if mean[i] > 0]
    assert [name for _, name in seen.beside()] == [done.trained.names[i] for i in order]
    heights = [at for at, _ in seen.beside()]
    bars = [
        (float(left), float(top), float(right), float(bottom))
        for path in seen.paths
        if path.get("fill") == colours.OTHER
        for left, top, right, bottom in re.findall(
            r"M([0-9.]+) ([0-9.]+)H([0-9.]+)V([0-9.]+)H", path.get("d")
        )
    ]
    assert len(bars) == len(order)
    dots = {round(y): x for x, y in seen.dots(colours.MINE)}
    for i, (left, top, right, bottom), at in zip(order, bars, heights, strict=True):
        assert top < at < bottom
        assert seen.across(left) == pytest.approx(0, abs=0.02)
        assert seen.across(right) == pytest.approx(mean[i], abs=0.03)
        (dot,) = [x for y, x in dots.items() if top < y < bottom]
        assert dot == pytest.approx(shares[-1, i], abs=0.03)


def test_a_forecast_that_uses_no_feature_says_so(run):
    done = run()
    config = done.trained.prepared.config
    mean = config.model_copy(update={"allocation": config.allocation.model_copy(update={"forecast": "mean"})})
    trained = replace(done.trained, prepared=replace(done.trained.prepared, config=mean))
    seen = Seen(run_charts._draw_importance(replace(done, trained=trained)).svg(), dated=False)
    assert [name for _, name in seen.beside()] == ["no feature"]
    assert not seen.names


def test_reliability_and_cumulated_gain_are_those_of_the_scores(run):
    done = run()
    score = done.regime_score
    seen = Seen(run_charts.CHARTS["regime_forecast"](done).svg())
    ((across, up),) = seen.drawn(seen.names["over persistence"], 1)
    gain = np.cumsum(score.scores["persistence"].log - score.scores["forecast"].log)
    at = days(done, score.positions)
    np.testing.assert_allclose(np.interp(at, across, up), gain, atol=0.02 * np.ptp(gain) + 1e-3)


def test_bars_of_the_active_return_start_where_the_one_before_ends(run):
    done = run(0.0)
    means = {name: 100 * values["mean"] for name, values in done.active_return["sources"].items()}
    drawn = [mark for mark in run_charts.CHARTS["active"](done).planes[0].marks if mark.x.ndim == 2]
    bars = {round(float(y.mean())): x for mark in drawn for x, y in zip(mark.x.T, mark.y.T, strict=True)}
    names = ["net", "cost", "gross", "trading", "limits", "same_risk"]
    for row, name in enumerate(names):
        begin, end = bars[row]
        assert end - begin == pytest.approx(means[name], abs=1e-10), name
        above = bars.get(row + 1)
        assert begin == pytest.approx(0 if name in ("net", "gross", "same_risk") else above[1], abs=1e-10), (
            name
        )
