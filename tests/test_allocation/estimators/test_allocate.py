"""One line from a forecast to weights: by name, to the bit, and with errors that name what is wrong."""

import numpy as np
import pandas as pd
import pytest

from allocation.covariance.shrinkage import LedoitWolf as Shrunk
from allocation.covariance_types import FactorCovariance
from allocation.errors import AllocationError, DataError, InfeasibleError, LimitError
from allocation.estimators.allocate import allocate
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import Group

NAMES = ["bund", "cac", "dax", "gold"]
MU = pd.Series([0.002, 0.009, 0.01, 0.004], index=NAMES)
SHUFFLED = ["gold", "bund", "dax", "cac"]


def covariance(names=NAMES):
    B = np.array([[0.0, 0.01], [0.04, 0.0], [0.05, -0.01], [0.01, 0.03]])
    S = B @ B.T + np.diag([0.0001, 0.0004, 0.0005, 0.001])
    return pd.DataFrame(S, index=NAMES, columns=NAMES).loc[names, names]


def direct(held, limits, **costs):
    solver = MeanVariance(NAMES, Constraints(**limits), risk_aversion=5.0, **costs)
    return solver.solve(0, MU.to_numpy(), covariance().to_numpy(), np.asarray(held), np.ones(4, dtype=bool))


def test_it_is_the_allocator_to_the_bit_whatever_the_order_of_labels():
    limits = {"maximum": 0.5, "groups": {"shares": Group(("cac", "dax"), 0.0, 0.7)}, "turnover": 0.8}
    held = pd.Series({"dax": 0.3, "bund": 0.7})
    expected = direct([0.7, 0.0, 0.3, 0.0], limits, cost=np.array([0.001, 0.002, 0.003, 0.004]), impact=0.01)
    cost = pd.Series([0.004, 0.001, 0.003, 0.002], index=SHUFFLED)
    for sigma in (covariance(), covariance(SHUFFLED), covariance().loc[SHUFFLED]):
        found = allocate(MU, sigma, held, Constraints(**limits), cost=cost, impact=0.01)
        assert np.array_equal(found, expected.weights)
        assert list(found.index) == NAMES
        assert found.attrs == {
            "status": expected.status.label,
            "note": expected.note,
            "cash": expected.cash,
            "gap": expected.certificate.gap,
            "residual": expected.certificate.residual,
            "slack": expected.certificate.slack,
            "tolerance": expected.certificate.tolerance,
        }
    other = allocate(MU[SHUFFLED], covariance(), held, Constraints(**limits), cost=cost, impact=0.01)
    assert other[NAMES].to_numpy() == pytest.approx(expected.weights, abs=1e-8)


def test_attrs_survive_a_parquet_file(tmp_path):
    found = allocate(MU, covariance(), constraints=Constraints(maximum=0.5))
    frame = found.to_frame()
    frame.attrs = found.attrs
    frame.to_parquet(tmp_path / "weights.parquet")
    assert pd.read_parquet(tmp_path / "weights.parquet").attrs == found.attrs


def test_a_limit_on_turnover_that_has_to_give_way_is_reported():
    found = allocate(MU, covariance(), constraints=Constraints(turnover=0.5))
    assert found.attrs["note"].startswith("turnover limit 0.5 raised to 1.0")


def test_returns_become_a_covariance():
    R = pd.DataFrame(np.random.default_rng(1).normal(0, 0.03, (50, 4)), columns=SHUFFLED)
    S = pd.DataFrame(Shrunk().estimate(R[NAMES].to_numpy()), index=NAMES, columns=NAMES)
    assert allocate(MU, R).equals(allocate(MU, S))
    plain = pd.DataFrame(np.cov(R[NAMES].T), index=NAMES, columns=NAMES)
    assert allocate(MU, R, covariance=lambda r: np.cov(r.T)).equals(allocate(MU, plain))
    assert not allocate(MU, R).equals(allocate(MU, R, covariance="sample"))


def test_factors_are_taken_as_they_are():
    factors = FactorCovariance(np.array([[0.0], [0.04], [0.05], [0.01]]), np.array([1, 4, 5, 10]) * 1e-4)
    full = factors.loadings @ factors.loadings.T + np.diag(factors.specific)
    found = allocate(MU, factors, constraints=Constraints(maximum=0.5))
    assert found.to_numpy() == pytest.approx(
        allocate(MU, pd.DataFrame(full, NAMES, NAMES), constraints=Constraints(maximum=0.5)).to_numpy(),
        abs=1e-7,
    )
    with pytest.raises(DataError, match="factors of 4 assets for the 3 of mu"):
        allocate(MU[:3], factors)


@pytest.mark.parametrize("returns", [False, True])
def test_what_is_outside_the_universe_is_not_read_and_is_sold(returns):
    mu, sigma = MU.copy(), covariance()
    if returns:
        sigma = pd.DataFrame(np.random.default_rng(1).normal(0, 0.03, (50, 4)), columns=NAMES)
    inside = ["bund", "dax", "gold"]
    clean = allocate(
        mu[inside],
        sigma[inside] if returns else sigma.loc[inside, inside],
        constraints=Constraints(maximum=0.6),
    )
    mu["cac"] = np.nan
    sigma["cac"] = np.nan
    if not returns:
        sigma.loc["cac"] = np.nan
    found = allocate(mu, sigma, {"cac": 1.0}, universe=inside, constraints=Constraints(maximum=0.6), cost=0.0)
    assert found["cac"] == 0
    assert found[inside].to_numpy() == pytest.approx(clean.to_numpy(), abs=1e-8)
    with pytest.raises(DataError, match="mu: the expected return of 'cac' is nan"):
        allocate(mu, sigma)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"mu": MU.rename({"dax": "DAX"})}, "sigma: .*lacks 'DAX' and names 'dax', which are none of them"),
        ({"sigma": covariance(NAMES[:3])}, "sigma: .*lacks 'gold'"),
        (
            {"sigma": covariance().rename(index={"dax": "DAX"})},
            "the rows of sigma: .*lacks 'dax' and names 'DAX'",
        ),
        ({"sigma": pd.DataFrame(covariance().to_numpy(), columns=NAMES)}, "needs the assets on both axes"),
        ({"sigma": covariance().to_numpy()}, "sigma: expected a DataFrame"),
        ({"sigma": pd.DataFrame([[0.1] * 4], columns=NAMES)}, "1 row of returns says nothing"),
        (
            {"sigma": pd.DataFrame([[0.1] * 4, [0.1, np.nan, 0.1, 0.2]], columns=NAMES)},
            "'cac' in row 1 is NaN",
        ),
        ({"held": pd.Series({"DAX": 1.0})}, "held: .*names 'DAX'"),
        ({"held": np.ones(3)}, r"held has shape \(3,\)"),
        ({"cost": {"dax": 0.1}}, "cost: .*lacks 'bund', 'cac', 'gold'"),
        ({"universe": ["DAX"]}, "universe: .*names 'DAX'"),
        ({"universe": "dax"}, "universe: expected a collection of names, got str"),
        ({"mu": MU.to_dict()}, "mu: expected a Series by asset, got dict"),
        ({"mu": pd.concat([MU, MU[:1]])}, "mu: the asset 'bund' is there more than once"),
    ],
)
def test_names_and_numbers_that_do_not_fit_are_errors(change, words):
    given = {"mu": MU, "sigma": covariance()} | change
    with pytest.raises(DataError, match=words):
        allocate(**given)


def test_a_hole_in_the_covariance_or_in_what_is_held_is_named():
    sigma = covariance()
    sigma.loc["dax", "dax"] = np.nan
    with pytest.raises(AllocationError, match="covariance of 'dax' is not finite"):
        allocate(MU, sigma)
    with pytest.raises(AllocationError, match="weight held of 'cac' is nan"):
        allocate(MU, covariance(), {"cac": np.nan})


def test_unknown_options_misplaced_limits_and_limits_in_conflict():
    with pytest.raises(TypeError, match="no option 'max_weight'; options are risk_aversion, cost"):
        allocate(MU, covariance(), max_weight=0.3)
    with pytest.raises(TypeError, match=r"write constraints=Constraints\(maximum=\.\.\.\)"):
        allocate(MU, covariance(), maximum=0.3)
    benchmark = Constraints(benchmark={"DAX": 1.0}, tracking_error=0.1)
    with pytest.raises(LimitError, match="benchmark names 'DAX'"):
        allocate(MU, covariance(), constraints=benchmark)
    with pytest.raises(InfeasibleError, match=r"raise the maximum weight to 0\.25"):
        allocate(MU, covariance(), constraints=Constraints(maximum=0.2))


def test_uncertainty_moves_away_from_what_is_known_badly():
    error = pd.Series({"dax": 0.05, "cac": 0.0, "bund": 0.0, "gold": 0.0})
    sure, unsure = allocate(MU, covariance()), allocate(MU, covariance(), uncertainty=1.0, error=error)
    assert unsure["dax"] < sure["dax"] - 0.05
