"""Charts: what is drawn is where the data says, whatever the data and however assets are called."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from pipeline import charts
from pipeline.config import load_config
from pipeline.layout import Chart
from pipeline.planes import Plane
from pipeline.progress import Reporter
from pipeline.run import Pipeline
from pipeline.scales import calendar
from pipeline.store import Store

NAMED = "{http://www.w3.org/2000/svg}"


def parts(svg, kind):
    return ElementTree.fromstring(svg).iter(NAMED + kind)


def words(svg):
    return [part.text for part in parts(svg, "text")]


def strokes(svg, colour, look="stroke"):
    """Return the points, shape (n, 2), of each stroke of the first path drawn in a colour, in pixels."""
    path = next(part.get("d") for part in parts(svg, "path") if part.get(look) == colour)
    found = []
    for letter, numbers in re.findall("([MLHVZ])([^MLHVZ]*)", path):
        if letter == "M":
            found.append([])
        given = [float(number) for number in numbers.split()]
        x, y = found[-1][-1] if found[-1] else (np.nan, np.nan)
        if letter in "HV":
            given = [given[0], y] if letter == "H" else [x, given[0]]
        if given:
            found[-1].append(given)
    return [np.array(one) for one in found]


def test_a_line_goes_through_its_points_and_has_gaps():
    plane = Plane(100, limits=(0, 10))
    x, y = np.arange(6.0), np.array([0.0, 10, np.nan, 5, np.inf, 2.5])
    plane.line(x, y, "red")
    first, second = strokes(Chart([plane], left=100, right=260).svg(), "red")
    np.testing.assert_allclose(first, [[100, 112], [220, 12]])
    np.testing.assert_allclose(second, [[460, 62], [580, 12], [700, 87]], err_msg="infinity is the end")


def test_a_value_between_gaps_is_a_dot():
    plane = Plane(100, limits=(0, 10))
    plane.line([0, 1, 2], [np.nan, 5, np.nan], "red", 2)
    (path,) = [
        part for part in parts(Chart([plane], limits=(0, 2)).svg(), "path") if part.get("stroke") == "red"
    ]
    assert path.get("d") == "M511 62h0"
    assert path.get("stroke-linecap") == "round", "or it would not be seen"


def test_points_that_are_left_out_lie_on_the_line():
    rng = np.random.default_rng(0)
    y = np.repeat(rng.integers(0, 3, 60), rng.integers(1, 6, 60)).astype(float)
    plane = Plane(100, limits=(0, 10))
    plane.line(np.arange(len(y)), y, "red")
    (drawn,) = strokes(Chart([plane], left=0, right=0).svg(), "red")
    assert len(drawn) < len(y)
    pixels = np.arange(len(y)) * 960 / (len(y) - 1)
    np.testing.assert_allclose(np.interp(pixels, *drawn.T), 112 - 10 * y, atol=0.7)


def test_a_step_holds_from_the_point_before():
    plane = Plane(100, limits=(0, 10))
    plane.line([0, 1, 2, 3], [9, 5, 10, 0], "red", step=True)
    plane.area([0, 1, 2, 3], 0, [9, 5, np.nan, 2], "blue", step=True)
    svg = Chart([plane], left=0, right=660).svg()
    (line,) = strokes(svg, "red")
    np.testing.assert_allclose(
        line, [[0, 22], [0, 62], [100, 62], [100, 12], [200, 12], [200, 112], [300, 112]]
    )
    first, second = strokes(svg, "blue", "fill")
    assert {tuple(point) for point in first} == {(0, 22), (0, 62), (100, 62), (100, 112), (0, 112)}
    assert {tuple(point) for point in second} == {(200, 92), (300, 92), (300, 112), (200, 112)}


def test_boxes_reach_to_the_end_of_a_logarithmic_scale_too():
    plane = Plane(90, log=True, limits=(1, 1000))
    plane.boxes(([0.0, 2], [1.0, 3]), (-np.inf, np.inf), "red")
    plane.boxes((3, 4), (100, 10), "blue")
    svg = Chart([plane], left=0, right=560).svg()
    (red,) = [part.get("d") for part in parts(svg, "path") if part.get("fill") == "red"]
    assert red == "M0.0 12.0h100.0v90.0h-100.0zM200.0 12.0h100.0v90.0h-100.0z"
    (blue,) = [part.get("d") for part in parts(svg, "path") if part.get("fill") == "blue"]
    assert blue == "M300.0 42.0h100.0v30.0h-100.0z"


def test_dots_and_boxes_that_are_no_number_are_left_out():
    plane = Plane(90, limits=(0, 9))
    plane.dots([0, 1, 2], [3, np.nan, 6], "red")
    plane.boxes(([0.0, 1], [1.0, 2]), ([0, np.nan], 9), "blue")
    svg = Chart([plane], left=0, right=860, limits=(0, 1)).svg()
    assert "nan" not in svg
    assert [(dot.get("cx"), dot.get("cy")) for dot in parts(svg, "circle")] == [
        ("0.0", "72.0"),
        ("100.0", "42.0"),
    ]
    assert [part.get("d") for part in parts(svg, "path") if part.get("fill") == "blue"] == [
        "M0.0 12.0h100.0v90.0h-100.0z"
    ]


@pytest.mark.parametrize(
    ("drawn", "x", "y"),
    [
        ([(0, 1), (10, 9)], "left", "upper"),
        ([(0, 9), (10, 1)], "right", "upper"),
        ([(0, 9), (5, 1), (10, 9)], "left", "lower"),
        ([(0, 9.5), (0.6, 0.2), (9, 9.5), (10, 9.5)], "right", "lower"),
        ([(0, 5)], "left", "upper"),
        ([(0, np.nan), (10, np.nan)], "left", "upper"),
    ],
)
def test_names_stand_in_the_corner_where_they_hide_least(drawn, x, y):
    plane = Plane(200, limits=(0, 10))
    at = np.linspace(0, 10, 41)
    known, values = np.transpose(drawn)
    plane.line(
        *((known, values) if len(drawn) == 1 else (at, np.interp(at, known, values))), "red", name="name"
    )
    svg = Chart([plane], limits=(0, 10)).svg()
    (place,) = [
        part.get("transform")
        for part in parts(svg, "g")
        if [t.text for t in part.iter(f"{NAMED}text")] == ["name"]
    ]
    right, down = map(float, re.findall("[0-9.]+", place))
    assert (right < 480) == (x == "left")
    assert (down < 112) == (y == "upper")


def test_names_are_written_as_they_are():
    name = "<script>alert('&')</script>"
    plane = Plane(100, label=f"first\n{name}", rows=[name, "b"], legend="free")
    plane.dots([1, 2], [0, 1], "red", name=name)
    svg = Chart([plane], label=name).svg()
    assert words(svg).count(name) == 4
    assert "<script" not in svg


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [2.0], [2.0, 2.0]], ids=str)
@pytest.mark.parametrize("log", [False, True])
def test_there_is_a_chart_without_anything_to_draw(values, log):
    plane = Plane(100, log=log)
    plane.line(np.arange(len(values)), values, "red")
    svg = Chart([plane], calendar).svg()
    assert "nan" not in svg
    assert "inf" not in svg
    assert len(words(svg)) >= 2


@pytest.mark.parametrize("minimum", [0.0, -0.5], ids=["stacked", "shorts"])
def test_all_charts_of_a_run_show_what_they_are_to(mine, minimum, monkeypatch):
    path = mine(allocation__minimum=minimum)
    prices = path.parent / "prices.csv"
    header, rest = prices.read_text().split("\n", 1)
    first = header.split(",")[1]
    prices.write_text(header.replace(first, "A & <B>", 1) + "\n" + rest)
    config = load_config(path)
    pipeline = Pipeline(config, Store(config.output / "store"), Reporter(Console(quiet=True)))
    done = pipeline.evaluate(pipeline.train(pipeline.prepare()))
    drawn = charts.draw(done)
    assert list(drawn) == list(charts.CHARTS)
    for name, svg in drawn.items():
        assert not re.search(r"\bnan|\binf\b", svg), name
    assert "A & <B>" in words(drawn["weights"])
    assert {"ridge", "lightgbm", "combination"} < set(words(drawn["information"]))
    assert {"regime 0", "regime 1"} < set(words(drawn["regimes"]))

    # One pixel for each equal ratio of wealth.
    wealth = np.r_[1.0, np.cumprod(1 + done.results[done.chosen].net)]
    (line,) = strokes(drawn["wealth"], charts.MINE)
    assert len(line) == len(wealth)
    slope, start = np.polyfit(np.log(wealth), line[:, 1], 1)
    assert slope < 0
    np.testing.assert_allclose(line[:, 1], start + slope * np.log(wealth), atol=0.15)

    weights = done.results[done.chosen].weights
    assert (weights < -0.01).any() == (minimum < 0)
    if minimum == 0:
        largest = np.argmax(weights.mean(axis=0))
        patches = strokes(drawn["weights"], charts.COLOURS[0], "fill")
        heights = [12 + 370 - patch[:, 1].min() for patch in patches]
        assert max(heights) == pytest.approx(370 * weights[:, largest].max(), abs=0.1)

    shown = len({*words(drawn["weights"])} & {*done.trained.prepared.panel.assets, "cash"})
    monkeypatch.setattr(charts, "NAMED", 3)
    few = words(charts.draw_weights(done).svg())
    assert f"and {shown - 3} more" in few
    assert len(few) == len(words(drawn["weights"])) - (shown - 3) + 1
