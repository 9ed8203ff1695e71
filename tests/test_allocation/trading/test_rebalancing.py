"""Calendars and bands: by hand, and against plain loops."""

import numpy as np
import pytest
from scipy.optimize import minimize

from allocation.errors import InputError
from allocation.trading.rebalancing import Rebalancing, _project_to_band

HALF = np.array([0.5, 0.3, 0.2])


def test_a_calendar_counts_decisions():
    rule = Rebalancing(every=3)
    held = np.array([0.6, 0.2, 0.2])
    traded = [rule.trade(i, held, HALF) is not None for i in range(7)]
    assert traded == [True, False, False, True, False, False, True]
    assert rule.trade(1, held, HALF, started=False) is HALF


@pytest.mark.parametrize(
    ("rule", "held", "traded"),
    [
        (Rebalancing(absolute=0.05), [0.55, 0.25, 0.2], False),  # on the edge is inside
        (Rebalancing(absolute=0.05), [0.551, 0.249, 0.2], True),
        (Rebalancing(relative=0.25), [0.52, 0.24, 0.24], False),
        (Rebalancing(relative=0.25), [0.5, 0.244, 0.256], True),  # 0.2 +- 0.05
        (Rebalancing(absolute=0.05, relative=0.1), [0.5, 0.325, 0.175], True),  # 0.2 +- 0.02
        (Rebalancing(absolute=0.01, relative=0.5), [0.515, 0.285, 0.2], True),  # 0.5 +- 0.01
        (Rebalancing(), [0.5, 0.3, 0.2], True),
    ],
)
def test_bands_by_hand(rule, held, traded):
    new = rule.trade(0, np.array(held), HALF)
    assert (new is not None) is traded
    if traded:
        assert new.tolist() == HALF.tolist()


def test_what_has_no_target_has_no_band():
    target = np.array([0.0, 1.0])
    assert Rebalancing(absolute=0.05).trade(0, np.array([0.01, 0.99]), target) is not None


def test_to_the_edge_by_hand():
    rule = Rebalancing(absolute=0.05, to="edge")
    # 0.64 comes down to 0.55; what is freed lifts the others by the same 0.045 each.
    np.testing.assert_allclose(rule.trade(0, np.array([0.64, 0.22, 0.14]), HALF), [0.55, 0.265, 0.185])
    # The first two are out: the third gives what they need.
    new = rule.trade(0, np.array([0.44, 0.24, 0.32]), HALF)
    np.testing.assert_allclose(new, [0.485, 0.265, 0.25], atol=0.05)
    assert new.sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", range(30))
def test_the_edge_is_the_nearest_point_and_of_least_turnover(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    target, held = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))
    band = rng.uniform(0.005, 0.1, n)
    new = _project_to_band(held, target, band)
    low = np.maximum(target - band, 0)
    assert new.sum() == pytest.approx(1, abs=1e-12)
    assert (new >= low - 1e-12).all()
    assert (new <= target + band + 1e-12).all()
    peer = minimize(
        lambda w: ((w - held) ** 2).sum(),
        target,
        jac=lambda w: 2 * (w - held),
        bounds=list(zip(low, target + band, strict=True)),
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(n)},
        options={"ftol": 1e-15, "maxiter": 500},
    )
    np.testing.assert_allclose(new, peer.x, atol=1e-6)
    # No weights inside the bands need less: what must be sold, and what must be bought, bounds it from below.
    sold, bought = np.maximum(held - target - band, 0).sum(), np.maximum(low - held, 0).sum()
    assert np.abs(new - held).sum() == pytest.approx(2 * max(sold, bought), abs=1e-9)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"absolute": -0.1}, {"relative": float("nan")}])
def test_numbers_out_of_range(wrong):
    with pytest.raises(InputError, match="every must be 1 or more and bands 0 or more"):
        Rebalancing(**wrong)
