"""All features on panels with zeros, constants, gaps and extreme units: finite, causal, and the same in any unit."""

import functools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hostile import (
    base,
    constant_prices,
    flat_bars,
    hostile_panels,
    runs_of_zero_volume,
    with_closes,
    with_volume,
)
from plain_build import compute_plainly
from qlib_expressions import BAR, WITHOUT_UNITS, evaluate

from features.appending import append_dates
from features.building import build_matrix
from features.catalogue import catalogue
from features.spec import FeatureSpec
from market.counterfactual import replace_future, restate_units

PANELS = hostile_panels()
TAKES_A_LOGARITHM = "CORR"
"""The log of a volume in another unit is shifted, which rounds; all other features are ratios, and exact."""


@functools.cache
def matrix_of(name):
    return build_matrix(PANELS[name], workers=1)


def differing(names, before, after, rows, tolerance=None):
    """Return the names of columns that differ in their first rows: in any bit, or by more than a tolerance."""
    before, after = before[:rows], after[:rows]
    both = np.isnan(before) & np.isnan(after)
    if tolerance is None:
        same = both | ((before == after) & (np.signbit(before) == np.signbit(after)))
    else:
        same = both | (np.abs(before - after) <= tolerance * (1.0 + np.abs(before)))
    return {names[k] for k in np.flatnonzero(~same.all(axis=(0, 1)))}


def restated(panel, prices, volumes):
    """Return the panel in other units, another for each asset; rounding differs unless the factors are powers of 2."""
    power = 1.0 + np.arange(len(panel.assets)) % 3
    bars = {name: values * prices**power for name, values in panel.bars.items()}
    return replace(panel, volume=panel.volume * volumes**power, **bars)


def dependent_on_units(panel, specs=None):
    """Return the features that another unit of prices or volumes changes by more than rounding."""
    matrix = build_matrix(panel, catalogue=specs, workers=1)
    exact = build_matrix(restate_units(panel), catalogue=specs, workers=1)
    found = differing(matrix.names, matrix.values, exact.values, len(panel.dates))
    found = {name for name in found if not name.startswith(TAKES_A_LOGARITHM)}
    for other in (restate_units(panel), restated(panel, 0.9873, 1.0), restated(panel, 1.0, 1.37)):
        values = build_matrix(other, catalogue=specs, workers=1).values
        found |= differing(matrix.names, matrix.values, values, len(panel.dates), tolerance=1e-9)
    return found


@pytest.mark.parametrize("name", PANELS)
def test_features_are_finite_or_missing_without_overflow(name):
    matrix = matrix_of(name)
    plain = compute_plainly(PANELS[name], over="raise")
    assert set(matrix.names) == set(plain)
    columns = [
        np.broadcast_to(x if x.ndim == 2 else x[:, None], PANELS[name].returns.shape) for x in plain.values()
    ]
    values = np.stack(columns, axis=2)
    assert not np.isinf(values).any()
    order = [matrix.names.index(feature) for feature in plain]
    assert differing(list(plain), values, matrix.values[:, :, order], len(values)) == set()


@pytest.mark.parametrize("name", PANELS)
def test_features_do_not_depend_on_units(name):
    assert dependent_on_units(PANELS[name]) == set()


@pytest.mark.parametrize("name", PANELS)
def test_features_are_causal(name):
    panel, matrix = PANELS[name], matrix_of(name)
    for row in sorted({len(panel.dates) // 2, max(len(panel.dates) - 2, 0)}):
        for other in (replace_future(panel, row), panel.as_of(panel.dates[row])):
            after = build_matrix(other, workers=1)
            assert after.names == matrix.names
            assert differing(matrix.names, matrix.values, after.values, row + 1) == set(), row


@pytest.mark.parametrize("name", PANELS)
def test_appended_is_built(name):
    panel, matrix = PANELS[name], matrix_of(name)
    for row in sorted({0, len(panel.dates) // 2, max(len(panel.dates) - 2, 0)}):
        after = append_dates(build_matrix(panel.as_of(panel.dates[row]), workers=1), panel, workers=1)
        assert after.recomputed == ()
        assert differing(matrix.names, matrix.values, after.values, len(panel.dates)) == set(), row


def test_every_feature_has_values_on_the_usual_panel():
    """A column that is empty everywhere would pass all of these tests."""
    matrix = matrix_of("usual")
    assert set(matrix.names) == set(catalogue())
    assert np.isfinite(matrix.values).any(axis=(0, 1)).all()


ZEROS = (
    "one_zero_volume",
    "runs_of_zero_volume",
    "no_volume_in_one_asset",
    "two_volumes_zero_and_not",
    "gaps_in_volume",
    "one_constant_price",
    "flat_bars",
    "coarse",
    "tiny_prices",
)
FAMILIES = ("CORR", "CORD", "VMA", "VSTD", "WVMA", "VSUMP", "VSUMN", "SUMP", "RSV")
CHANGED = [f"{family}{window}" for family in FAMILIES for window in (5, 20)] + [
    x for x in BAR if x.endswith("2")
]


@pytest.mark.parametrize("kind", ZEROS)
def test_alpha158_equals_a_plain_reading_of_its_expressions(kind):
    panel, matrix = PANELS[kind], matrix_of(kind)
    for asset in (0, 1):
        fields = {name: values[:, asset] for name, values in (panel.bars | {"volume": panel.volume}).items()}
        for name in CHANGED:
            expected = evaluate(WITHOUT_UNITS[name], fields)
            expected[: matrix.warm[matrix.names.index(name)]] = np.nan
            expected[~panel.listed[:, asset]] = np.nan
            column = matrix.column(name)[:, asset]
            if name.startswith("COR"):
                expected[constant(fields, name)] = np.nan
            np.testing.assert_allclose(column, expected, rtol=1e-7, atol=1e-9, err_msg=f"{name} of {asset}")


def constant(fields, name):
    """Return where closes or volumes of a window, or their growth, are equal but for rounding: no correlation."""
    out = np.zeros(len(fields["close"]), dtype=bool)
    for x in (fields["close"], fields["volume"]):
        positive = pd.Series(np.where(x > 0, x, np.nan))
        values = pd.Series(x) / positive.shift(1) if name.startswith("CORD") else positive
        window = values.rolling(int(name[4:]), min_periods=1)
        out |= (window.max() - window.min() <= 1e-12 * window.max()).to_numpy()
    return out


def test_volume_and_illiquidity_equal_pandas_with_zeros_and_gaps():
    panel, matrix = PANELS["runs_of_zero_volume"], matrix_of("runs_of_zero_volume")
    volume = pd.DataFrame(panel.volume)
    enough = {1: 1, 12: 10, 20: 16, 60: 48}

    def mean(x, window):
        return x.rolling(window, min_periods=enough[window]).mean()

    money = pd.DataFrame(panel.close * panel.volume)
    impact = pd.DataFrame(np.abs(panel.returns)) / money.where(money > 0)
    expected = {
        "volume_ratio_1_12": mean(volume, 1) / mean(volume, 12) - 1,
        "volume_variation_12": volume.rolling(12, min_periods=10).std() / mean(volume, 12),
        "illiquidity_ratio_20_60": mean(impact, 20) / mean(impact, 60) - 1,
    }
    for name, values in expected.items():
        values = values.where(np.isfinite(values)).to_numpy(copy=True)
        values[: matrix.warm[matrix.names.index(name)]] = np.nan
        values[~panel.listed] = np.nan
        assert np.isfinite(values).any()
        np.testing.assert_allclose(matrix.column(name), values, rtol=1e-8, atol=1e-9, err_msg=name)


def test_what_has_stopped_moving_stands_at_its_mean():
    """A mean of equal values differs from them in its last bits, and that is neither above nor below."""
    close = base(n_assets=5).close.copy()
    close[60:] = np.where(np.isfinite(close[60:]), close[59:60], np.nan)
    names = ["level_to_mean_3", "level_to_mean_10", "crossover_3_12", "breadth_10", "level_to_mean_10_z"]
    matrix = build_matrix(with_closes(base(n_assets=5), close), include=names)
    late = matrix.values[75:]
    assert np.isfinite(late).any(axis=(0, 1)).all()
    assert np.unique(late[np.isfinite(late)]).tolist() == [0.0]


def test_what_is_rounding_is_nothing():
    """An asset that is the market has no risk of its own, and one that earns the same each step has no shape."""
    panel = base("monthly", 130, 1)
    alone = build_matrix(
        replace(panel, market=np.nan_to_num(panel.returns[:, 0])), include=["idiosyncratic_volatility_36"]
    )
    own = alone.values[np.isfinite(alone.values)]
    assert len(own) > 60
    assert (own == 0.0).all()
    panel = replace(base(), cash=np.full(130, 0.003))
    steadily = constant_prices(panel, slice(0, 1))
    column = build_matrix(steadily, include=["coskewness_60"]).column("coskewness_60")
    assert np.isnan(column[:, 0]).all()
    assert np.isfinite(column[:, 1]).any()
    quiet = replace(panel, market=np.full(130, 0.01))
    assert np.isnan(build_matrix(quiet, include=["coskewness_60"]).values).all()


def test_bars_without_length_are_0_and_contradictions_are_missing():
    panel = flat_bars(constant_prices(base(), slice(None), price=123.4))
    lows = panel.low.copy()
    lows[100] *= 1.0 + 1e-7  # above the high, as prices that are rounded one by one may be
    opens = panel.open.copy()
    opens[101] *= 1.01
    matrix = build_matrix(replace(panel, low=lows, open=opens), include=["KMID2", "KSFT2", "KUP2", "RSV5"])
    there = panel.listed[99]
    assert (matrix.values[99, there] == 0.0).all()
    assert np.isnan(matrix.column("KSFT2")[100]).all()
    assert np.isnan(matrix.column("KMID2")[101]).all()


def planted(kernel, *inputs):
    spec = FeatureSpec(kernel.__name__, "bar", 0, "unit", inputs, "Planted.", kernel)
    return {kernel.__name__: spec}


def log_of_one_more(volume):
    return np.log(volume + 1.0)


def typical_price(high, low, close):
    return (high + low + close) / 3.0


def money(close, volume):
    return close * volume


def share_of_a_padded_length(open, high, low, close):
    return (close - open) / (high - low + 1e-3)


def large_volume(volume):
    return np.where(volume > 1e4, 1.0, 0.0)


@pytest.mark.parametrize(
    ("kernel", "inputs"),
    [
        (log_of_one_more, ("volume",)),
        (typical_price, ("high", "low", "close")),
        (money, ("close", "volume")),
        (share_of_a_padded_length, ("open", "high", "low", "close")),
        (large_volume, ("volume",)),
    ],
)
def test_a_planted_unit_is_found(kernel, inputs):
    assert dependent_on_units(PANELS["runs_of_zero_volume"], planted(kernel, *inputs)) == {kernel.__name__}


def volume_of_tomorrow(volume):
    return np.vstack([volume[1:], volume[-1:]]) / np.where(volume > 0, volume, np.nan)


def zeros_filled_backward(volume):
    traded = pd.DataFrame(np.where(volume > 0, volume, np.nan)).bfill().to_numpy()
    return volume / traded


def share_of_all_volume(volume):
    return volume / np.nansum(volume, axis=0)


def days_to_the_next_trade(volume):
    later = pd.DataFrame(np.where(volume > 0, np.arange(len(volume))[:, None], np.nan)).bfill().to_numpy()
    return later - np.arange(len(volume))[:, None]


@pytest.mark.parametrize(
    "kernel", [volume_of_tomorrow, zeros_filled_backward, share_of_all_volume, days_to_the_next_trade]
)
def test_a_leak_beside_zero_volumes_is_found(kernel):
    panel = with_volume(base(), runs_of_zero_volume)
    changed = set()
    for row in (52, 75, 100):
        for other in (replace_future(panel, row), panel.as_of(panel.dates[row])):
            specs = planted(kernel, "volume")
            before, after = compute_plainly(panel, specs), compute_plainly(other, specs)
            for name in specs:
                changed |= differing([name], before[name][:, :, None], after[name][:, :, None], row + 1)
    assert changed == {kernel.__name__}
