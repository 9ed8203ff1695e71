"""Charts of made-up numbers: what is drawn is where the numbers beside it say, whatever the data."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from seen import NAMED, Seen, points_of

from pipeline.report.charts.layout import WIDTH, Chart
from pipeline.report.charts.planes import MOST, Plane
from pipeline.report.charts.scales import calendar, ratios
from pipeline.report.charts.svg import SIZE, SMALL, short, wide


def test_lines_boxes_and_dots_are_where_the_numbers_say():
    first, second = Plane(100, "up"), Plane(200, log=True)
    x, y = np.linspace(-3, 7, 21), np.linspace(-3, 7, 21) ** 2 - 20
    first.line(x, y, "red")
    first.boxes(([0.0, 2], [1.0, 5]), ([-10, 0], [10, 20]), "blue")
    first.area(x, y - 5, y + 5, "pink")
    first.dots([1, 2], [3, 4], "green")
    second.line(x, np.exp(x), "black")
    seen = Seen(Chart([first, second]).svg(), dated=False)
    assert [round(bottom - top) for _, top, _, bottom in seen.planes] == [100, 200]
    assert seen.planes[1][1] >= seen.planes[0][3] + 10, "one below the other"
    assert seen.planes[0][::2] == seen.planes[1][::2], "over the same scale"
    ((across, up),) = seen.drawn("red")
    np.testing.assert_allclose(across, x, atol=0.01)
    np.testing.assert_allclose(up, y, atol=0.1)
    ((across, up),) = seen.drawn("black", 1, log=True)
    np.testing.assert_allclose(up, np.exp(x), rtol=0.01)
    one, other = seen.drawn("blue", look="fill")
    np.testing.assert_allclose(
        [one[0].min(), one[0].max(), other[0].min(), other[0].max()], [0, 1, 2, 5], atol=0.01
    )
    np.testing.assert_allclose(
        [one[1].min(), one[1].max(), other[1].min(), other[1].max()], [-10, 10, 0, 20], atol=0.1
    )
    ((across, up),) = seen.drawn("pink", look="fill")
    np.testing.assert_allclose(up, np.r_[y - 5, y[::-1] + 5], atol=0.1)
    dots = seen.dots("green")
    np.testing.assert_allclose(dots[:, 0], [1, 2], atol=0.01)
    np.testing.assert_allclose(seen.up(dots[:, 1]), [3, 4], atol=0.1)
    assert seen.labels == ["up"]
    root = seen.root
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    assert float(root.get("height")) > max(y for _, y, *_ in seen.words)


def test_dates_are_told_below():
    days = np.arange("2019-12-20", "2021-02-10", dtype="datetime64[D]").astype(float)
    plane = Plane(100)
    plane.line(days, days - days[0], "red")
    seen = Seen(Chart([plane], calendar).svg())
    ((across, up),) = seen.drawn("red")
    np.testing.assert_allclose([across[0], across[-1]], [days[0], days[-1]], atol=0.1)
    np.testing.assert_allclose(up, across - days[0], atol=0.5)
    assert [text for _, text in seen.below()][:2] == ["2020-01", "2020-03"]


def test_equal_ratios_are_equally_long_across_too():
    plane = Plane(100, rows=["a", "b"])
    plane.boxes((-np.inf, np.array([10.0, 1000.0])), (np.array([-0.4, 0.6]), np.array([0.4, 1.4])), "red")
    seen = Seen(Chart([plane], ratios, limits=(1, 1000), log=True).svg(), dated=False)
    left, _, right, _ = seen.planes[0]
    ends = [
        piece[:, 0].max()
        for path in seen.paths
        if path.get("fill") == "red"
        for piece in points_of(path.get("d"))
    ]
    np.testing.assert_allclose(ends, [left + (right - left) / 3, right], atol=0.1)
    assert [text for _, text in seen.below()] == ["1", "10", "100", "1000"]
    rows = {text: at for at, text in seen.beside()}
    assert rows["a"] > rows["b"], "the first row is the lowest"


def test_a_line_has_gaps_and_infinity_is_the_end():
    plane = Plane(100, limits=(0, 10))
    plane.line(np.arange(6.0), [0.0, 10, np.nan, 5, np.inf, 2.5], "red")
    first, second = Seen(Chart([plane]).svg(), dated=False).drawn("red")
    np.testing.assert_allclose(first, [[0, 1], [0, 10]], atol=0.02)
    np.testing.assert_allclose(second, [[3, 4, 5], [5, 10, 2.5]], atol=0.02)


def test_what_has_no_logarithm_is_a_gap_and_not_a_number_at_the_end():
    plane = Plane(100, log=True)
    plane.line(np.arange(6.0), [1, 2, 0, -1, 4, 5], "red")
    first, second = Seen(Chart([plane]).svg(), dated=False).drawn("red", log=True)
    np.testing.assert_allclose(first[1], [1, 2], rtol=0.01)
    np.testing.assert_allclose(second[1], [4, 5], rtol=0.01)


def test_a_value_between_gaps_is_a_dot():
    plane = Plane(100, limits=(0, 10))
    plane.line([0, 1, 2], [np.nan, 5, np.nan], "red", 2)
    (path,) = [
        part for part in Seen(Chart([plane], limits=(0, 2)).svg()).paths if part.get("stroke") == "red"
    ]
    assert re.fullmatch(r"M[0-9.]+ 62h0", path.get("d"))
    assert path.get("stroke-linecap") == "round", "or it would not be seen"


def test_points_that_are_left_out_lie_on_the_line():
    rng = np.random.default_rng(0)
    y = np.repeat(rng.integers(0, 3, 60), rng.integers(1, 6, 60)).astype(float)
    plane = Plane(100, limits=(0, 10))
    plane.line(np.arange(len(y)), y, "red")
    ((across, up),) = Seen(Chart([plane]).svg(), dated=False).drawn("red")
    assert len(up) < len(y)
    np.testing.assert_allclose(np.interp(np.arange(len(y)), across, up), y, atol=0.1)


def test_a_step_holds_from_the_point_before():
    plane = Plane(100, limits=(0, 10))
    plane.line([0, 1, 2, 3], [9, 5, 10, 0], "red", step=True)
    plane.area([0, 1, 2, 3], 0, [9, 5, np.nan, 2], "blue", step=True)
    seen = Seen(Chart([plane]).svg(), dated=False)
    ((across, up),) = seen.drawn("red")
    np.testing.assert_allclose(across, [0, 0, 1, 1, 2, 2, 3], atol=0.01)
    np.testing.assert_allclose(up, [9, 5, 5, 10, 10, 0, 0], atol=0.02)
    plane.area([0, np.nan, 2], 0, [1, 2, 1], "green")
    (one, height), (other, low) = seen.drawn("blue", look="fill")
    assert "nan" not in Chart([plane]).svg()
    assert [one.min().round(1), one.max().round(1), height.max().round(1)] == [0, 1, 9]
    assert [other.min().round(1), other.max().round(1), low.max().round(1)] == [2, 3, 2]


def test_boxes_reach_to_the_end_of_a_logarithmic_scale_and_touch():
    plane = Plane(90, log=True, limits=(1, 1000))
    edges = np.linspace(0, 1, 400)
    plane.boxes((edges[:-1], edges[1:]), (-np.inf, np.inf), "red")
    boxes = Seen(Chart([plane], limits=(0, 1)).svg(), dated=False).drawn("red", look="fill", log=True)
    lefts, rights = (np.array([end(box[0]) for box in boxes]) for end in (np.min, np.max))
    np.testing.assert_array_equal(rights[:-1], lefts[1:])
    assert (rights > lefts).all(), "a narrow one is seen"
    np.testing.assert_allclose([boxes[0][1].min(), boxes[0][1].max()], [1, 1000], rtol=0.01)


def test_dots_and_boxes_that_are_no_number_are_left_out():
    plane = Plane(90, limits=(0, 9))
    plane.dots([0, 1, 2], [3, np.nan, 6], "red")
    plane.boxes(([0.0, 1], [1.0, np.nan]), ([0, 0], 9), "blue")
    seen = Seen(Chart([plane], limits=(0, 4)).svg(), dated=False)
    np.testing.assert_allclose(seen.dots("red")[:, 0], [0, 2], atol=0.01)
    assert len(seen.drawn("blue", look="fill")) == 1


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [2.0], [2.0, 2.0], [np.inf, 0.0]], ids=str)
@pytest.mark.parametrize("log", [False, True])
def test_there_is_a_chart_without_anything_to_draw(values, log):
    plane = Plane(100, log=log)
    plane.line(20000 + np.arange(len(values)), values, "red", name="name")
    svg = Chart([plane], calendar).svg()
    assert not re.search(r"\bnan|\binf\b", svg)
    seen = Seen(svg)
    assert len(seen.beside()) >= 2
    assert seen.below()
    if len(values) == 1:
        assert [text for _, text in seen.below()] == ["2024-10-03", "2024-10-04", "2024-10-05"], (
            "and a day beside it"
        )


@pytest.mark.parametrize(
    "values", [np.r_[-1, 1e7], np.r_[0, 1e-9], np.r_[0, 123456.0], np.r_[0.999999, 1.0]], ids=str
)
def test_numbers_have_room_between_the_plane_and_its_label(values):
    plane = Plane(100, "label\nof two lines")
    plane.line([0, 1], values, "red")
    svg = Chart([plane], calendar).svg()
    seen = Seen(svg)
    longest = max(wide(text, SMALL) for _, text in seen.beside())
    labels = [float(x) for x in re.findall(r"translate\(([0-9.]+) [0-9.]+\) rotate", svg)]
    assert min(labels) >= SIZE - 2
    assert max(labels) <= seen.planes[0][0] - 7 - longest
    assert len(set(labels)) == 2, "one line beside the other"
    assert seen.labels == ["of two lines", "label"]


def test_names_are_written_as_they_are_where_xml_can_hold_them():
    name = "<script>alert('&')</script>"
    plane = Plane(100, label=f"first\n{name}", rows=[name, "a\x08b"], legend="free")
    plane.dots([1, 2], [0, 1], "red", name=name)
    svg = Chart([plane], label=name).svg()
    written = [part.text for part in ElementTree.fromstring(svg).iter(f"{NAMED}text")]
    assert written.count(name) == 4
    assert "a?b" in written
    assert "<script" not in svg


@pytest.mark.parametrize("letter", ["i", "W", "日"])
def test_long_names_are_cut_and_leave_the_chart_its_room(letter):
    name = 200 * letter
    plane, weights = Plane(100, rows=[name]), Plane(100, legend="beside")
    plane.boxes((0, 1), (-0.4, 0.4), "red", name)
    weights.boxes((0, 1), (0, 1), "blue", name)
    seen = Seen(Chart([plane, weights], limits=(0, 1)).svg(), dated=False)
    left, _, right, _ = seen.planes[0]
    assert right - left > WIDTH / 3
    for written in (seen.beside()[0][1], *seen.names):
        assert written.endswith("…")
        assert name.startswith(written[:-1])
        assert MOST - 2 * SIZE <= wide(written) <= MOST
    assert short("name", MOST) == "name"
    assert right + 12 + 27 + wide(next(iter(seen.names)), SMALL) <= WIDTH


def test_names_beside_a_plane_are_right_of_it_and_below_each_other():
    plane = Plane(200, legend="beside")
    for n, name in enumerate(("one", "two", "three")):
        plane.area([0, 1], [n, n], [n + 1, n + 1], f"c{n}", name)
    seen = Seen(Chart([plane]).svg(), dated=False)
    assert seen.names == {"one": "c0", "two": "c1", "three": "c2"}
    x, y = np.transpose(list(seen.places.values()))
    _, top, right, bottom = seen.planes[0]
    assert (x > right).all()
    assert (np.diff(y) >= SMALL).all()
    words = [part for part in seen.root.iter(f"{NAMED}text") if part.text in seen.names]
    assert all(float(part.get("x")) > 20 for part in words), "behind what stands for them"
    assert top < y[0] < y[-1] < bottom


def test_names_in_a_row_go_on_below_where_it_is_full():
    plane = Plane(200, legend="row")
    for n in range(12):
        plane.boxes((n, n + 1), (0, 1), f"c{n}", f"regime {n}")
    seen = Seen(Chart([plane]).svg(), dated=False)
    left, top, right, _ = seen.planes[0]
    places = list(seen.places.values())
    assert len(set(places)) == 12
    assert {y for _, y in places} == {top + 14, top + 14 + 18}
    assert all(left < x and x + 27 + wide("regime 11") <= right for x, _ in places)
    row = [x for x, y in places if y == top + 14]
    assert (np.diff(row) >= 27 + wide("regime 0")).all()


@pytest.mark.parametrize(
    ("drawn", "x", "y"),
    [
        ([(0, 1), (10, 9)], "left", "upper"),
        ([(0, 9), (10, 1)], "right", "upper"),
        ([(0, 9), (5, 1), (10, 9)], "left", "lower"),
        ([(0, 9.5), (0.6, 0.2), (9, 9.5), (10, 9.5)], "right", "lower"),
        ([(0, 9.8)], "right", "upper"),
        ([(0, np.nan), (10, np.nan)], "left", "upper"),
    ],
)
def test_names_stand_in_the_corner_where_they_hide_least(drawn, x, y):
    plane = Plane(200, limits=(0, 10))
    at = np.linspace(0, 10, 41)
    known, values = np.transpose(drawn)
    given = (known + 0.3, values - 0.5) if len(drawn) == 1 else (at, np.interp(at, known, values))
    plane.line(*given, "red", name="name")
    plane.names.append(("other", ""))
    seen = Seen(Chart([plane], limits=(0, 10)).svg(), dated=False)
    right, down = seen.places["name"]
    assert (right < 480) == (x == "left")
    assert (down < 112) == (y == "upper")
    left, top, stop, bottom = seen.planes[0]
    assert seen.places["other"][1] >= down + SIZE, "one below the other"
    assert left < right
    assert right + 27 + wide("other") <= stop
    assert top < down
    assert seen.places["other"][1] < bottom


def test_names_do_not_hide_dots_and_are_not_kept_away_from_what_is_between_them():
    plane = Plane(200, limits=(0, 10))
    plane.dots([0.3, 9.8], [9, 0.5], "red", name="name")
    seen = Seen(Chart([plane], limits=(0, 10)).svg(), dated=False)
    right, down = seen.places["name"]
    assert right > 480
    assert down < 112


def test_the_last_date_stays_in_the_picture():
    plane = Plane(100)
    plane.line([20000, 20003], [0, 1], "red")
    seen = Seen(Chart([plane], calendar).svg())
    at, text = seen.below()[-1]
    assert text == "2024-10-07"
    assert at + wide(text, SMALL) / 2 <= WIDTH


def test_lines_across_and_upright_go_from_end_to_end():
    plane = Plane(100, limits=(-1, 1))
    plane.level(0.5)
    plane.upright(3)
    seen = Seen(Chart([plane], limits=(0, 10)).svg(), dated=False)
    left, top, right, bottom = seen.planes[0]
    level, upright = (
        points_of(p.get("d"))[0]
        for p in seen.paths
        if p.get("stroke-width") == "0.8" and p.get("fill") == "none"
    )
    np.testing.assert_allclose(level, [[left, top + 25], [right, top + 25]], atol=0.1)
    np.testing.assert_allclose(upright, np.c_[[left + 0.3 * (right - left)] * 2, [bottom, top]], atol=0.1)


def test_numbers_do_not_run_into_each_other_and_lines_not_into_the_edge():
    plane = Plane(340)
    plane.line([0, 1], [0.0, 100.0], "red")
    seen = Seen(Chart([plane]).svg(), dated=False)
    heights = np.array([at for at, _ in seen.beside()])
    assert (-np.diff(heights) >= 2 * SMALL).all()
    assert len(heights) >= 5
    (ends,) = next(points_of(p.get("d")) for p in seen.paths if p.get("stroke") == "red")
    _, top, _, bottom = seen.planes[0]
    assert top + 10 < ends[:, 1].min()
    assert ends[:, 1].max() < bottom - 10


def test_grid_lines_go_through_the_numbers():
    plane = Plane(150)
    plane.line([0, 10], [0, 7], "red")
    seen = Seen(Chart([plane]).svg(), dated=False)
    (grid,) = [p.get("d") for p in seen.paths if p.get("stroke") == "#e4e7eb"]
    starts = [tuple(map(float, pair)) for pair in re.findall(r"M([0-9.]+) ([0-9.]+)", grid)]
    left, top, _, _ = seen.planes[0]
    assert [x for x, y in starts if y == top] == pytest.approx([x for x, _ in seen.below()], abs=0.1)
    heights = [y for x, y in starts if x == left and y != top]
    np.testing.assert_allclose(heights, [at for at, _ in seen.beside()], atol=0.1)
