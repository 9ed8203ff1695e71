"""The covariance of the configuration: what it makes, what it refuses, and that the audit reads it."""

from dataclasses import replace

import numpy as np
import pytest
from running import evaluated
from test_config import written

from allocation.covariance.factors import Denoised, StatisticalFactors
from allocation.covariance.nonlinear import NonlinearShrinkage
from allocation.covariance.regime_mixture import RegimeMixture
from allocation.covariance.sample import Ewma, SampleCovariance
from allocation.covariance.shrinkage import ConstantCorrelation, LedoitWolf, Oas
from allocation.covariance_types import FactorCovariance
from pipeline.audit.audit import audit
from pipeline.config import load_config
from pipeline.errors import ConfigError
from pipeline.stages import trading

REGIMES = np.tile([0.25, 0.75], (30, 1))
AHEAD = np.tile([0.4, 0.6], (30, 1))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (..., LedoitWolf()),
        ("ledoit_wolf", LedoitWolf()),
        ("constant_correlation", ConstantCorrelation()),
        ("nonlinear", NonlinearShrinkage()),
        ("oas", Oas()),
        ("sample", SampleCovariance()),
        ("ewma", Ewma(60.0)),
        ({"kind": "ewma", "half_life": 24}, Ewma(24.0)),
        ("factor", StatisticalFactors(None)),
        ({"kind": "factor", "factors": None}, StatisticalFactors(None)),
        ({"kind": "factor", "factors": 2}, StatisticalFactors(2)),
        ("denoised", Denoised()),
    ],
    ids=str,
)
def test_a_kind_or_a_section_makes_the_estimator(tmp_path, given, expected):
    changes = {} if given is ... else {"allocation__covariance": given}
    section = load_config(written(tmp_path, **changes)).allocation.covariance
    assert section.estimator(REGIMES, AHEAD) == expected


def test_a_mixture_of_regimes_knows_the_runs_probabilities(tmp_path):
    config = load_config(written(tmp_path, allocation__covariance={"kind": "regime", "prior_rows": 5}))
    mixture = config.allocation.covariance.estimator(REGIMES, AHEAD)
    assert isinstance(mixture, RegimeMixture)
    assert mixture.prior_rows == 5
    assert mixture.probabilities is REGIMES
    assert mixture.current is None
    config = load_config(written(tmp_path, allocation__covariance={"kind": "regime", "follow": "forecast"}))
    assert config.allocation.covariance.estimator(REGIMES, AHEAD).current is AHEAD


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("ledoit_wolff", r"allocation.covariance: .*'ledoit_wolf'.*got 'ledoit_wolff'"),
        (
            {"kind": "ewma", "halflife": 60},
            r"allocation.covariance.halflife: unknown key; did you mean 'half_life'",
        ),
        ({"kind": "ewma", "half_life": 0}, "allocation.covariance.half_life: .*greater than 0"),
        (
            {"half_life": 10},
            "allocation.covariance: half_life is a setting of kind ewma, not of kind ledoit_wolf",
        ),
        ({"kind": "oas", "factors": 1}, "factors is a setting of kind factor, not of kind oas"),
        ({"kind": "factor", "factors": -1}, "allocation.covariance.factors: .*greater than or equal to 0"),
        ({"kind": "factor", "prior_rows": 3}, "prior_rows is a setting of kind regime, not of kind factor"),
        ({"kind": "oas", "follow": "current"}, "follow is a setting of kind regime, not of kind oas"),
        ({"kind": "regime", "follow": "later"}, r"allocation.covariance.follow: .*'current' or 'forecast'"),
        (60, "allocation.covariance: .*got 60"),
    ],
    ids=str,
)
def test_mistakes_are_named(tmp_path, given, message):
    with pytest.raises(ConfigError, match=message):
        load_config(written(tmp_path, allocation__covariance=given))


def test_nonlinear_shrinkage_needs_a_longer_history(tmp_path):
    with pytest.raises(
        ConfigError, match=r"allocation\.covariance: nonlinear needs a min_history of 13 or more, got 12"
    ):
        load_config(written(tmp_path, allocation__covariance="nonlinear", allocation__min_history=12))


SMALL = {"models": {"mean": {"kind": "mean"}}, "allocation__forecast": "mean", "audit": {"cuts": 1}}


@pytest.mark.parametrize("kind", ["factor", "denoised", "regime", "nonlinear"])
def test_a_run_is_audited_down_to_its_covariances(mine, kind):
    done = evaluated(mine(**SMALL, allocation__covariance=kind))
    certificate = audit(done)
    assert certificate.clean
    compared = {
        item["name"]: item["values"] for item in certificate.checked if item["stage"] == "covariances"
    }
    by_factors = {"eligible", "closed", "loading", "specific variance"}
    assert set(compared) == (
        by_factors if kind in ("factor", "denoised") else {"eligible", "closed", "covariance"}
    )
    assert min(compared.values()) > 0
    for result in done.results.values():
        assert np.isfinite(result.net).all()


@pytest.mark.parametrize("what", ["loading", "specific variance", "number"])
def test_factors_that_know_the_next_return_are_caught(mine, monkeypatch, what):
    honest = trading.covariance_path

    def leaking(excess, positions, **options):
        path, later = (
            honest(e, positions, **options) for e in (excess, np.vstack([excess[1:], excess[-1:]]))
        )
        if isinstance(path.sigma, np.ndarray):
            return path  # of a simple estimator that the scores compare with

        def known(later, now):
            return np.where(np.isfinite(later), later, now)

        def mixed(one, other):
            if what == "specific variance":
                return replace(one, specific=known(other.specific, one.specific))
            if what == "loading" and one.loadings.shape == other.loadings.shape:
                return replace(one, loadings=known(other.loadings, one.loadings))
            # As many factors as the sign of the next return.
            k = int(np.nansum(other.specific) > np.nansum(one.specific))
            return FactorCovariance(one.loadings[:, :k], one.specific)

        return replace(path, sigma=tuple(map(mixed, path.sigma, later.sigma)))

    monkeypatch.setattr(trading, "covariance_path", leaking)
    certificate = audit(evaluated(mine(**SMALL, allocation__covariance={"kind": "factor", "factors": 1})))
    assert not certificate.clean
    assert certificate.leaks[0].stage == "covariances"
