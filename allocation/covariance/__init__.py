"""Covariance estimators, and covariances along a path of decisions."""
