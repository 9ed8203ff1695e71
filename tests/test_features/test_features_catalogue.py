"""Defining, finding, choosing and ordering features."""

import importlib
import sys

import numpy as np
import pytest

import features
import features.spec as spec_module
from features.catalogue import (
    catalogue,
    dictionary,
    list_macro_names,
    order_features,
    select_features,
    sort_specs,
)
from features.spec import STAGES, FeatureError, FeatureSpec, feature


@pytest.fixture
def registry(monkeypatch):
    """Let a test register features that the other tests do not see."""
    catalogue()
    monkeypatch.setattr(spec_module, "_CATALOGUE", dict(spec_module._CATALOGUE))


def specs(**inputs):
    return {
        name: FeatureSpec(name, "asset", 1, "fraction", needed, "Text.", np.asarray)
        for name, needed in inputs.items()
    }


def test_catalogue_is_rich_and_sorted():
    known = catalogue()
    assert len(known) >= 230
    assert list(known) == sorted(known, key=lambda name: (STAGES.index(known[name].stage), name))
    by_stage = {stage: [n for n, s in known.items() if s.stage == stage] for stage in STAGES}
    assert {
        stage: len(names) >= n
        for (stage, names), n in zip(by_stage.items(), (25, 158, 9, 8, 12), strict=True)
    } == dict.fromkeys(STAGES, True)


def test_sixty_features_need_prices_alone():
    known = catalogue()
    prices = {"returns", "log_returns", "excess", "level", "market", "cash", "month"}

    def alone(name):
        return all(needed in prices or (needed in known and alone(needed)) for needed in known[name].inputs)

    assert sum(alone(name) for name in known) >= 60


def test_every_feature_is_documented_and_lives_in_this_package():
    for name, spec in catalogue().items():
        assert spec.kernel.__module__.startswith("features."), name
        assert spec.definition.endswith("."), name
        assert spec.unit, name


def test_macro_names_are_those_of_the_macro_stage():
    assert list_macro_names(catalogue()) == {"aaa_yield", "baa_yield", "core_cpi", "wti"}


def test_dictionary_has_a_row_for_each_name():
    rows = dictionary(["momentum_12_1", "volatility_ratio_3_12"])
    assert rows[0] == {
        "name": "momentum_12_1",
        "stage": "asset",
        "lookback": "12 months",
        "unit": "fraction",
        "definition": "Return from 12 months ago to 1 month ago (Jegadeesh and Titman 1993).",
    }
    assert rows[1]["lookback"] == "that of its inputs"
    assert [row["lookback"] for row in dictionary(["ROC5", "IMXD5", "rsi_14"])] == [
        "6 rows",
        "that of its inputs",
        "15 rows",
    ]
    with pytest.raises(FeatureError, match="no feature 'momentum_12_2'; did you mean 'momentum_12_1'"):
        dictionary(["momentum_12_2"])


def test_select_takes_stages_and_names_in_catalogue_order():
    known = catalogue()
    wanted, by_name = select_features(known, ["macro", "return_1"], ["wti", "oil_return_3"][1:])
    assert wanted[0] == "return_1"
    assert set(wanted[1:]) == {n for n, s in known.items() if s.stage == "macro"} - {"oil_return_3"}
    assert by_name == {"return_1"}


@pytest.mark.parametrize(
    ("include", "exclude", "message"),
    [
        (["return_2"], [], "include names 'return_2'.*did you mean 'return_"),
        (["assets"], [], "did you mean 'asset'"),
        (["asset"], ["volatilty_12"], "exclude names 'volatilty_12'.*did you mean 'volatility_12'"),
        (
            ["zzzzzz"],
            [],
            "neither a stage .asset, bar, market, macro, cross_section. nor a feature; known: asset",
        ),
        ([], [], "leaves no feature"),
        (["term_spread"], ["macro"], "leaves no feature"),
        ("asset", [], "expected a list"),
    ],
)
def test_select_refuses(include, exclude, message):
    with pytest.raises(FeatureError, match=message):
        select_features(catalogue(), include, exclude)


def test_plan_puts_inputs_first_and_nothing_else():
    known = specs(a=("b", "c", "returns"), b=("c",), c=("wti",), d=("returns",))
    order = order_features(known, ["a"], {"wti"})
    assert sorted(order) == ["a", "b", "c"]
    assert order.index("c") < order.index("b") < order.index("a")


def test_plan_names_the_circle():
    with pytest.raises(FeatureError, match=r"circle: (a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c)$"):
        order_features(specs(a=("b",), b=("c",), c=("a",)), ["a"], ())
    with pytest.raises(FeatureError, match="circle: a -> a"):
        order_features(specs(a=("a",)), ["a"], ())


def test_plan_names_the_unknown_input():
    with pytest.raises(FeatureError, match=r"feature 'a' asks for 'retruns'.*did you mean 'returns'"):
        order_features(specs(a=("retruns",)), ["a"], ())


def test_ordered_sorts():
    assert list(sort_specs(specs(b=("returns",), a=("returns",)))) == ["a", "b"]


def test_decorator_refuses(registry):
    def documented(returns):
        """Text."""

    def undocumented(returns):
        return returns

    def starred(*returns):
        """Text."""

    def empty():
        """Text."""

    def returns(market):
        """Text."""

    def return_1(market):
        """Text."""

    for function, options, message in [
        (documented, {"stage": "assets"}, "'documented': stage 'assets' is not one of asset, bar, market"),
        (documented, {"lookback": -1}, "lookback is -1"),
        (documented, {"rows": 1.5}, "rows is 1.5, expected 0 or more whole rows"),
        (documented, {"windows": (5, 0)}, r"windows are \(5, 0\), expected whole rows"),
        (undocumented, {}, "'undocumented': its docstring"),
        (starred, {}, "no .*got .returns."),
        (empty, {}, "at least one name"),
        (returns, {}, "belongs to an input"),
        (return_1, {}, "'return_1' is defined in features.library.returns and in test_features_catalogue"),
    ]:
        with pytest.raises(FeatureError, match=message):
            feature(**{"stage": "asset", "unit": "fraction"} | options)(function)


def test_windows_make_a_family_whose_members_know_each_other(registry):
    @feature(stage="bar", windows=(2, 3), rows=1, unit="fraction")
    def change(level, window):
        """Change over {window} rows."""
        return level - np.roll(level, window)

    @feature(stage="bar", windows=(2, 3), unit="fraction")
    def doubled(change, level):
        """Twice the change over {window} rows."""
        return 2 * change + 0 * level

    known = catalogue()
    assert {"change", "doubled"} & set(known) == set()
    assert known["change3"].definition == "Change over 3 rows."
    assert (known["change2"].rows, known["change3"].rows) == (3, 4)
    assert known["change3"].inputs == ("level",)
    # What combines others needs no rows of its own.
    assert (known["doubled3"].rows, known["doubled3"].inputs) == (0, ("change3", "level"))
    x = np.arange(10.0) ** 2
    np.testing.assert_array_equal(known["change2"].kernel(level=x), x - np.roll(x, 2))
    np.testing.assert_array_equal(known["doubled2"].kernel(change2=x, level=x), 2 * x)
    assert known["change2"].kernel.__module__ == __name__


def test_a_window_without_windows_is_no_input(registry):
    @feature(stage="bar", unit="fraction")
    def alone(level, window):
        """Text."""
        return level

    with pytest.raises(FeatureError, match="'alone' asks for 'window'"):
        order_features(catalogue(), ["alone"], ())


def test_history_adds_months_and_rows():
    spec = FeatureSpec("a", "asset", 2, "fraction", ("level",), "Text.", np.asarray, 5)
    assert (spec.history(1), spec.history(21)) == (7, 47)


def test_new_module_of_the_package_is_discovered(registry, tmp_path, monkeypatch):
    (tmp_path / "mine_for_test.py").write_text(
        "from features.spec import feature\n"
        "@feature(stage='asset', unit='fraction')\n"
        "def my_own_feature(returns):\n"
        "    '''Twice the return.'''\n"
        "    return 2 * returns\n"
    )
    monkeypatch.setattr(features, "__path__", [*features.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    assert catalogue()["my_own_feature"].definition == "Twice the return."
    sys.modules.pop("features.mine_for_test")
    del features.mine_for_test


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:\n", "features/broken_for_test.py cannot be imported: SyntaxError"),
        ("import nothing_like_it\n", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        (
            "from features.spec import feature\n"
            "@feature(stage='asset', unit='x', lookback=2.5)\n"
            "def f(returns):\n    '''F.'''\n    return returns\n",
            "lookback is 2.5, expected 0 or more whole months",
        ),
        (
            "from features.spec import feature\n"
            "@feature(unit='x')\n"
            "def f(returns):\n    '''F.'''\n    return returns\n",
            "broken_for_test.py cannot be imported: TypeError.*missing.* argument: 'stage'",
        ),
    ],
    ids=["syntax", "import", "lookback", "stage"],
)
def test_a_broken_module_is_named(registry, tmp_path, monkeypatch, text, message):
    (tmp_path / "broken_for_test.py").write_text(text)
    monkeypatch.setattr(features, "__path__", [*features.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    with pytest.raises(FeatureError, match=message):
        catalogue()
