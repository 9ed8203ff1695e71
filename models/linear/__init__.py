"""Penalised linear models, univariate regressions, and their fast walk-forward."""
