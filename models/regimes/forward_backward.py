"""Kernels of hidden Markov models with normal observations: densities, filter, smoother, moments."""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints

_LOG_2PI = float(np.log(2 * np.pi))


@compiled
def _factorise_covariance(covariance: Floats, present: Ints, count: int, L: Floats) -> float:
    """Fill L with the Cholesky factor over the first `count` features present; return the log of 1/|L|.

    Its diagonal is inverted.
    """
    log_inverse = 0.0
    for i in range(count):
        for j in range(i + 1):
            total = covariance[present[i], present[j]]
            for k in range(j):
                total -= L[i, k] * L[j, k]
            if i == j:
                L[i, i] = 1.0 / np.sqrt(total)
                log_inverse += np.log(L[i, i])
            else:
                L[i, j] = total * L[j, j]
    return log_inverse


@compiled
def log_densities(Z: Floats, means: Floats, covariances: Floats) -> Floats:
    """Return the log normal density of each row in each state, shape (n, S).

    A row counts by the features it has, as their marginal distribution says; one without any has density 1.

    Parameters
    ----------
    Z : ndarray of shape (n, K)
    means : ndarray of shape (S, K)
    covariances : ndarray of shape (S, K, K)
        Positive definite.
    """
    n, n_features = Z.shape
    out = np.empty((n, len(means)))
    everything, present = np.arange(n_features), np.empty(n_features, dtype=np.int64)
    whole, part = np.empty((n_features, n_features)), np.empty((n_features, n_features))
    whitened = np.empty(n_features)
    for s in range(len(means)):
        whole_inverse = _factorise_covariance(covariances[s], everything, n_features, whole)
        for t in range(n):
            count = 0
            for k in range(n_features):
                if not np.isnan(Z[t, k]):
                    present[count] = k
                    count += 1
            L, log_inverse = whole, whole_inverse
            if count < n_features:
                L, log_inverse = part, _factorise_covariance(covariances[s], present, count, part)
            distance = 0.0
            for i in range(count):
                value = Z[t, present[i]] - means[s, present[i]]
                for k in range(i):
                    value -= L[i, k] * whitened[k]
                whitened[i] = value * L[i, i]
                distance += whitened[i] ** 2
            out[t, s] = log_inverse - 0.5 * (distance + count * _LOG_2PI)
    return out


@compiled
def forward(log_density: Floats, predicted: Floats, transitions: Floats) -> tuple[Floats, Floats, Floats]:
    """Filter: row t depends on rows up to t alone (Rabiner 1989, equations 19-20 and 91-92).

    Parameters
    ----------
    log_density : ndarray of shape (n, S)
    predicted : ndarray of shape (S,)
        Probabilities of the states at the first row, given what came before it.
    transitions : ndarray of shape (S, S)

    Returns
    -------
    filtered : ndarray of shape (n, S)
        Probabilities of the states given rows up to t.
    weight : ndarray of shape (n, S)
        Density of row t in each state over its density given the rows before: what `backward` needs.
    log_predictive : ndarray of shape (n,)
        Log density of row t given the rows before; the sum is the log-likelihood.
    """
    n, n_states = log_density.shape
    filtered, weight = np.empty((n, n_states)), np.empty((n, n_states))
    log_predictive = np.empty(n)
    now = np.empty(n_states)
    for s in range(n_states):
        now[s] = predicted[s]
    for t in range(n):
        largest = -np.inf
        for s in range(n_states):
            largest = max(largest, log_density[t, s])
        total = 0.0
        for s in range(n_states):
            weight[t, s] = np.exp(log_density[t, s] - largest)
            filtered[t, s] = now[s] * weight[t, s]
            total += filtered[t, s]
        for s in range(n_states):
            weight[t, s] /= total
            filtered[t, s] /= total
        log_predictive[t] = largest + np.log(total)
        for s in range(n_states):
            now[s] = 0.0
            for r in range(n_states):
                now[s] += filtered[t, r] * transitions[r, s]
    return filtered, weight, log_predictive


@compiled
def backward(filtered: Floats, weight: Floats, transitions: Floats) -> tuple[Floats, Floats]:
    """Smooth: for the fit alone, as it looks at all rows (Rabiner 1989, equations 25, 27 and 37).

    Returns
    -------
    smoothed : ndarray of shape (n, S)
        Probabilities of the states given all rows.
    pairs : ndarray of shape (S, S)
        Expected number of transitions from row to column.
    """
    n, n_states = filtered.shape
    smoothed = np.empty((n, n_states))
    pairs = np.zeros((n_states, n_states))
    later, ahead = np.empty(n_states), np.empty(n_states)
    later[:] = 1.0
    for t in range(n - 1, -1, -1):
        for s in range(n_states):
            smoothed[t, s] = filtered[t, s] * later[s]
        if t == 0:
            break
        for s in range(n_states):
            ahead[s] = weight[t, s] * later[s]
        for r in range(n_states):
            later[r] = 0.0
            for s in range(n_states):
                step = transitions[r, s] * ahead[s]
                later[r] += step
                pairs[r, s] += filtered[t - 1, r] * step
    return smoothed, pairs


@compiled
def state_moments(Z: Floats, probability: Floats, means: Floats) -> tuple[Floats, Floats, Floats]:
    """Return counts (S,) and sums of deviations (S, K) and of their products (S, K, K), weighted by probability.

    Deviations are from `means` (S, K). Rows of Z (n, K) are complete or missing altogether: these do not count.
    """
    n, n_features = Z.shape
    n_states = len(means)
    counts = np.zeros(n_states)
    first, second = np.zeros((n_states, n_features)), np.zeros((n_states, n_features, n_features))
    for t in range(n):
        if np.isnan(Z[t, 0]):
            continue
        for s in range(n_states):
            p = probability[t, s]
            counts[s] += p
            for i in range(n_features):
                weighted = p * (Z[t, i] - means[s, i])
                first[s, i] += weighted
                for j in range(i + 1):
                    second[s, i, j] += weighted * (Z[t, j] - means[s, j])
    for s in range(n_states):
        for i in range(n_features):
            for j in range(i):
                second[s, j, i] = second[s, i, j]
    return counts, first, second
