"""Linear models with a penalty, univariate regressions, and their fast walk-forward."""
