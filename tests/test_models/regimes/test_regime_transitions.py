"""Transitions and classifiers against plain counts, a general optimiser and the truth of planted chains."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from models.regimes.ahead.classifiers import learn_weight, predict_by_classifier
from models.regimes.ahead.transitions import estimate_transitions, persist, propagate
from models.walk_forward.standardise import Standardiser


def certain(label, n_states=3):
    return np.where((label >= 0)[:, None], np.eye(n_states)[label], np.nan)


@pytest.mark.parametrize("horizon", [1, 4])
def test_certain_states_are_counted(horizon):
    rng = np.random.default_rng(horizon)
    label = rng.integers(0, 3, size=200)
    label[[50, 51, 90]] = -1
    found = estimate_transitions(certain(label), label, horizon)
    share = np.array([(label == s).sum() + horizon for s in range(3)]) / ((label >= 0).sum() + 3 * horizon)
    counts, same, pairs = horizon * np.tile(share, (3, 1)), horizon / 2, horizon
    for t in range(200 - horizon):
        a, b = label[t], label[t + horizon]
        if a >= 0 and b >= 0:
            counts[a, b] += 1
            same, pairs = same + (a == b), pairs + 1
    np.testing.assert_allclose(found.share, share, rtol=1e-12)
    np.testing.assert_allclose(found.matrix, counts / counts.sum(axis=1, keepdims=True), rtol=1e-12)
    assert found.stay == pytest.approx(same / pairs)


def test_uncertain_states_count_by_what_makes_the_later_ones_likeliest():
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.full(3, 0.6), size=300)
    label = p.argmax(axis=1)
    found = estimate_transitions(p, label, 2)

    def loss(logits):
        matrix = softmax(logits.reshape(3, 3), axis=1)
        likelihood = np.log((p[:-2] @ matrix)[np.arange(298), label[2:]]).sum()
        return -likelihood - 2 * (found.share * np.log(matrix)).sum()

    best = min((minimize(loss, rng.normal(size=9)) for _ in range(3)), key=lambda fit: fit.fun)
    assert loss(np.log(found.matrix).ravel()) < best.fun + 1e-3
    np.testing.assert_allclose(found.matrix, softmax(best.x.reshape(3, 3), axis=1), atol=0.02)


def test_a_fitted_chain_is_raised_to_the_horizon():
    step = np.array([[0.9, 0.1], [0.3, 0.7]])
    p = np.random.default_rng(0).dirichlet([1, 1], size=40)
    for horizon in (1, 2, 5, 21):
        found = estimate_transitions(p, p.argmax(axis=1), horizon, step)
        np.testing.assert_allclose(found.matrix, np.linalg.matrix_power(step, horizon), rtol=1e-12)
        np.testing.assert_allclose(propagate(p, found.matrix), p @ found.matrix, rtol=1e-12)


def test_too_few_rows_leave_the_prior():
    for n in (1, 5):
        label = np.zeros(n, dtype=int)
        found = estimate_transitions(certain(label), label, 21)
        np.testing.assert_allclose(found.matrix, np.tile(found.share, (3, 1)))
        assert found.stay == 0.5
        assert found.share.sum() == pytest.approx(1)
        assert (found.share > 0).all()


def test_persistence_keeps_the_state_and_gives_the_rest_by_shares():
    share = np.array([[0.5, 0.3, 0.2]] * 3)
    result = persist(np.array([1, -1, 0]), np.array([0.9, 0.8, 0.6]), share)
    np.testing.assert_allclose(result[0], [0.1 * 5 / 7, 0.9, 0.1 * 2 / 7])
    assert np.isnan(result[1]).all()
    np.testing.assert_allclose(result[2], [0.6, 0.24, 0.16])
    assert persist(np.array([0]), np.array([0.7]), np.ones((1, 1))).tolist() == [[1.0]]


@pytest.mark.parametrize("kind", ["logit", "lightgbm"])
def test_a_classifier_finds_what_decides_the_next_state(kind):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1200, 3))
    X[::50, 1] = np.nan
    later = np.where(X[:, 0] + 0.5 * rng.normal(size=1200) > 0, 2, 0)
    p = predict_by_classifier(kind, X[:800], later[:800], X[800:], 1, 3, 0)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (p[:, 1] == 0).all()
    assert (p.argmax(axis=1) == later[800:]).mean() > 0.8
    again = predict_by_classifier(kind, X[:800], later[:800], X[800:], 1, 3, 0)
    np.testing.assert_array_equal(p, again)
    # Labels that overlap count for less, so that the answer is less extreme.
    overlapping = predict_by_classifier(kind, X[:800], later[:800], X[800:], 40, 3, 0)
    assert overlapping.max(axis=1).mean() < p.max(axis=1).mean()
    alone = predict_by_classifier(kind, X[:10], np.ones(10, dtype=int), X[800:805], 1, 3, 0)
    assert (alone == [0, 1, 0]).all()


def test_a_classifier_gets_the_weight_that_its_past_earned():
    rng = np.random.default_rng(2)
    truth = rng.dirichlet([0.3, 0.3], size=2000)
    outcome = (rng.random(2000) > truth[:, 0]).astype(int)
    base = np.tile(truth.mean(axis=0), (2000, 1))
    assert learn_weight(truth, base, outcome, 1) > 0.9
    assert learn_weight(base[:, ::-1] * 0 + [[0.99, 0.01]], base, outcome, 1) < 0.2
    # A few dates say little, and overlapping ones less than others.
    assert learn_weight(truth[:20], base[:20], outcome[:20], 1) < 0.4
    assert learn_weight(truth, base, outcome, 100) < learn_weight(truth, base, outcome, 1)
    assert learn_weight(truth, base, np.full(2000, -1), 1) == 0.0

    def loss(weight):
        mixture = (weight * truth + (1 - weight) * base)[np.arange(200), outcome[:200]]
        return -np.log(mixture).sum() - 36 * np.log(1 - weight)

    truth, base = truth[:200], base[:200]
    grid = np.linspace(0.001, 0.999, 999)
    best = grid[np.argmin([loss(weight) for weight in grid])]
    assert learn_weight(truth, base, outcome[:200], 1) == pytest.approx(best, abs=0.01)


@pytest.mark.parametrize("kind", ["logit", "lightgbm"])
@pytest.mark.parametrize("n_states", [2, 3])
def test_a_row_is_classified_alike_whichever_stand_beside_it(kind, n_states):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 20))
    later = np.digitize(X[:, 0] + rng.normal(size=500), [0.0, 0.8][: n_states - 1])
    whole = predict_by_classifier(kind, X[:400], later[:400], X[400:], 1, n_states, 0)
    for n in (1, 2, 7, 63):
        part = predict_by_classifier(kind, X[:400], later[:400], X[400 : 400 + n], 1, n_states, 0)
        np.testing.assert_array_equal(part, whole[:n])
    if kind == "logit":
        scaler = Standardiser().fit(X[:400])
        model = LogisticRegression(C=0.1).fit(scaler.transform(X[:400]), later[:400])
        np.testing.assert_allclose(whole, model.predict_proba(scaler.transform(X[400:])), rtol=1e-9)
