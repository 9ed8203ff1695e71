"""Regimes of all kinds: found, kept apart from refit to refit, and never revised."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from causality import first_difference
from regime_markets import chain, folds, market
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from models.errors import NotFittedError, TrainingError
from models.regimes.hmm import HMMRegimes
from models.regimes.jump import JumpRegimes
from models.regimes.kmeans import KMeansRegimes
from models.regimes.path import _count_distinct
from models.regimes.walk import MARGIN, walk_regimes
from validation.folds.walk_forward import WalkForward

KINDS = (
    KMeansRegimes(3),
    JumpRegimes(3, jump_penalty=2.0),
    HMMRegimes(3, "diagonal"),
    HMMRegimes(3, "full"),
)
CENTRES = [[0.1, 0.5], [0.2, -0.5], [0.4, 0.0]]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)


@pytest.fixture
def model(kind):
    return clone(kind)


@every_kind
def test_planted_states_are_found_and_ordered_by_the_first_feature(model):
    X, state = market()
    model.fit(X[:800])
    np.testing.assert_allclose(model.centres_, CENTRES, atol=0.01)
    probabilities, _ = model.predict_states(X[800:])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == state[800:]).mean() > 0.97


@every_kind
def test_states_take_over_the_order_of_the_fit_before(model):
    X, _ = market()
    before = clone(model).fit(X[:500])
    before._reorder(np.array([2, 0, 1]))
    for cold in (False, True):
        later = clone(model).fit(X[:600], before, cold=cold)
        np.testing.assert_allclose(later.centres_, np.array(CENTRES)[[2, 0, 1]], atol=0.02)
        result, _ = later.predict_states(X[600:])
        fresh, _ = clone(model).fit(X[:600]).predict_states(X[600:])
        np.testing.assert_allclose(result, fresh[:, [2, 0, 1]], atol=0.01)


@every_kind
def test_a_walk_tells_each_date_by_a_fit_that_had_not_seen_it(model):
    X, state = market()
    path = walk_regimes(X, folds(900, 300, 50), ["a", "b"], model)
    assert (path.label[:300] == -1).all()
    assert np.isnan(path.probabilities[:300]).all()
    assert path.refits.tolist() == list(range(300, 900, 50))
    assert path.centres.shape == (12, 3, 2)
    assert path.restarted[0]
    assert adjusted_rand_score(state[300:], path.label[300:]) > 0.94
    assert (path.label[300:] == path.probabilities[300:].argmax(axis=1)).all()
    assert not hasattr(model, "centres_")


@every_kind
def test_what_was_told_never_changes(model):
    X, _ = market(noise=0.2)
    X[::41, 0] = np.nan
    X[::67] = np.nan
    whole = walk_regimes(X, folds(900, 300, 30), ["a", "b"], model)
    for cut in (330, 331, 700, 719, 720):
        changed = X.copy()
        changed[cut:] = np.random.default_rng(cut).normal(5, 3, size=(900 - cut, 2))
        for other in (changed, X[:cut]):
            path = walk_regimes(other, folds(len(other), 300, 30), ["a", "b"], model)
            for name in ("probabilities", "label", "anomaly"):
                assert first_difference(name, getattr(whole, name), getattr(path, name), cut) is None
            fits = int((path.refits <= cut).sum())
            assert first_difference("centres", whole.centres, path.centres, fits) is None


@every_kind
def test_telling_in_pieces_or_twice_says_the_same(model):
    """A row's rounding does not depend on how many rows are told beside it."""
    X, _ = market(noise=0.2)
    model.fit(X[:700])
    once, _ = model.predict_states(X[700:])
    again, _ = model.predict_states(X[700:])
    np.testing.assert_array_equal(once, again)
    for n in (1, 2, 3, 17, 64):
        np.testing.assert_array_equal(model.predict_states(X[700 : 700 + n])[0], once[:n])


def test_walks_side_by_side_are_those_one_after_another():
    X, _ = market(noise=0.2)
    walk = folds(900, 300, 60)
    jobs = [partial(walk_regimes, X, walk, ["a", "b"], kind) for kind in KINDS]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda job: job(), jobs))
    for path, job in zip(together, jobs, strict=True):
        np.testing.assert_array_equal(path.probabilities, job().probabilities)
        np.testing.assert_array_equal(path.loss, job().loss)


def permuted(centres):
    """Return the share of fits whose states are not those of the fit before in the same order."""
    pairs = pairwise(centres)
    orders = [linear_sum_assignment(cdist(a, b, "sqeuclidean"))[1] for a, b in pairs]
    return np.mean([(order != np.arange(len(order))).any() for order in orders])


def test_labels_keep_their_meaning_where_plain_refits_shuffle_them():
    rng = np.random.default_rng(1)
    state = chain(rng, 1500, 4, 0.99)
    X = (rng.normal(size=(4, 6)) * 1.2)[state] + rng.normal(size=(1500, 6)) * 0.8
    walk = folds(1500, 500, 42)
    naive = [KMeans(4, n_init=3, random_state=0).fit(X[f.train]) for f in walk]
    stream = np.concatenate([fit.predict(X[f.test]) for fit, f in zip(naive, walk, strict=True)])
    assert permuted([fit.cluster_centers_ for fit in naive]) > 0.5
    assert adjusted_rand_score(state[500:], stream) < 0.3
    for model in (KMeansRegimes(4), JumpRegimes(4), HMMRegimes(4)):
        path = walk_regimes(X, walk, list("abcdef"), model)
        assert permuted(path.centres) == 0
        assert adjusted_rand_score(state[500:], path.label[500:]) > 0.85


def trap():
    """Two clusters, of which three states split the wide one; then the narrow one turns out to be two.

    Nearest centres cannot bring the spare state over.
    """
    rng = np.random.default_rng(0)
    state = np.r_[chain(rng, 200, 2, 0.95), chain(rng, 400, 3, 0.95)]
    scatter = np.array([1.0, 0.3, 0.3])[state][:, None]
    return np.array([[0, 0], [30, 0], [30, 4]])[state] + rng.normal(size=(600, 2)) * scatter


# The jump model leaves this trap by itself: its spare state takes the dates between two jumps.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if not isinstance(kind, JumpRegimes)], ids=str)
def test_a_cold_restart_leaves_the_optimum_of_the_first_dates(model):
    X = trap()
    warm, cold = clone(model).fit(X[:150]), clone(model).fit(X[:580])
    for end in (*range(170, 580, 20), 580):
        warm = clone(model).fit(X[:end], warm)
    assert warm.loss_ > cold.loss_ + MARGIN
    path = walk_regimes(X, folds(600, 150, 20), ["a", "b"], model)
    assert path.restarted[1:].any()
    found = path.centres[-1][np.lexsort(path.centres[-1].T[::-1].round())]
    np.testing.assert_allclose(found, [[0, 0], [30, 0], [30, 4]], atol=0.2)


@every_kind
def test_a_cold_restart_that_is_no_better_is_not_kept(model):
    X, _ = market()
    path = walk_regimes(X, folds(900, 300, 20), ["a", "b"], model)
    assert path.restarted.tolist() == [True] + [False] * 29


@every_kind
def test_anomaly_tells_the_ordinary_from_the_unseen(model):
    X, _ = market()
    model.fit(X[:600])
    _, anomaly = model.predict_states(np.vstack([X[600:], [3.0, 3.0]]))
    assert anomaly[-1] == 1
    assert 0.4 < anomaly[:-1].mean() < 0.6


@every_kind
def test_missing_features(model):
    X, _ = market()
    X[:100, 1] = np.nan  # the second feature starts later
    X[300:310] = np.nan
    model.fit(X[:800])
    np.testing.assert_allclose(model.centres_, CENTRES, atol=0.02)
    alone = model.predict_states(np.array([[0.401, np.nan]]))[0]
    assert alone[0].sum() == pytest.approx(1)
    result, anomaly = model.predict_states(np.array([[np.nan, np.nan], [np.nan, np.inf], [0.4, 0.0]]))
    assert np.isnan(result[:2]).all()
    assert np.isnan(anomaly[:2]).all()
    assert np.isfinite(result[2]).all()


def test_dates_without_any_value_have_no_label():
    X, _ = market()
    X[500:505] = np.nan
    path = walk_regimes(X, folds(900, 300, 50), ["a", "b"], KMeansRegimes(3))
    assert (path.label[500:505] == -1).all()
    assert (path.label[505:] >= 0).all()


@every_kind
def test_a_constant_feature_says_nothing(model):
    X, _ = market()
    with_constant = np.column_stack([X, np.full(len(X), 7.0)])
    plain, _ = clone(model).fit(X[:700]).predict_states(X[700:])
    fitted = clone(model).fit(with_constant[:700])
    assert (fitted.centres_[:, 2] == 7).all()
    result, _ = fitted.predict_states(with_constant[700:])
    np.testing.assert_array_equal(result.argmax(axis=1), plain.argmax(axis=1))
    # It varies from here on: the fit after takes over all the same.
    with_constant[700:, 2] = np.arange(200)
    later = clone(model).fit(with_constant[:800], fitted)
    assert np.isfinite(later.centres_).all()
    assert np.isfinite(later.predict_states(with_constant[800:])[0]).all()


@every_kind
def test_one_state(model):
    X, _ = market()
    model.set_params(n_states=1)
    path = walk_regimes(X, folds(900, 300, 50), ["a", "b"], model)
    assert (path.probabilities[300:] == 1).all()
    np.testing.assert_allclose(path.centres[0, 0], X[:300].mean(axis=0), atol=1e-6)


@every_kind
def test_too_few_dates_for_the_states(model):
    X = np.array([[1.0, 2.0], [3.0, 4.0], [np.nan, 5.0]])[np.arange(50) % 3]
    with pytest.raises(TrainingError, match=r"3 regimes need .* got 2 of 50 dates"):
        clone(model).fit(X)
    with pytest.raises(TrainingError, match="got 0 of 50"):
        clone(model).fit(np.full((50, 2), np.nan))
    with pytest.raises(NotFittedError, match="call fit before"):
        model.predict_states(X)


@every_kind
def test_as_many_distinct_dates_as_states(model):
    X = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 0.0]])[np.arange(60) // 20]
    probabilities, _ = model.fit(X).predict_states(X[-1:])
    np.testing.assert_allclose(model.centres_, [[1, 2], [3, 4], [5, 0]], atol=1e-9)
    assert probabilities[0, 2] > 0.99


def test_distinct_rows_are_counted():
    rng = np.random.default_rng(0)
    for n in range(8):
        Z = rng.integers(2, size=(n, 2)).astype(float)
        assert _count_distinct(Z, 3) == min(3, len(np.unique(Z, axis=0)))


def test_agreement_with_the_fit_before_is_that_of_two_fits_on_the_same_rows():
    """Told again by hand: two fits in a row, both asked of the last training rows."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(30, 2)), 10, axis=0) + 0.3 * rng.normal(size=(300, 2))
    folds = WalkForward(np.arange(300), first_test=100, refit_every=50).folds()
    path = walk_regimes(X, folds, ("a", "b"), KMeansRegimes(3, seed=0))
    assert np.isnan(path.agreement[0])
    first = KMeansRegimes(3, seed=0).fit(X[folds[0].train])
    second = KMeansRegimes(3, seed=0).fit(X[folds[1].train], first)
    result = [fit.predict_states(X[folds[1].train])[0].argmax(axis=1) for fit in (first, second)]
    assert not path.restarted[1]
    assert path.agreement[1] == pytest.approx(adjusted_rand_score(*result))
    assert path.relabelled[1] == pytest.approx(np.mean(result[0] != result[1]))
    assert np.nanmin(path.agreement) > 0.5
    assert np.nanmax(path.relabelled) < 0.3
