"""Validation of forecasts and portfolios: labels, folds, scores and tests."""
