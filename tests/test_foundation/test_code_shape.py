"""The shape of the code: modules and functions stay small, folders stay readable."""

import pytest

from benchmarks.code_shape import PACKAGES, ROOT, measure_shape

LIMITS = {
    "modules in the fullest folder": 12,
    "median lines of a module": 110,
    "90th percentile of lines of a module": 200,
    "lines of the longest module": 300,
    "90th percentile of lines of a function": 25,
    "public names that another folder imports": 930,
    "public names defined twice in a package": 0,
}


@pytest.fixture(scope="module")
def shape():
    return measure_shape()


@pytest.mark.parametrize("figure", LIMITS)
def test_a_figure_stays_within_its_limit(shape, figure):
    assert shape.figures()[figure] <= LIMITS[figure]


def test_functions_take_few_parameters(shape):
    assert shape.crowded() == []


def test_every_package_is_measured():
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found == set(PACKAGES)
