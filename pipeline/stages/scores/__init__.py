"""Scores of what a run forecasts beside returns: regimes and covariances."""
