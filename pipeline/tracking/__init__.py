"""Tracking: what MLflow holds of a run, and how it gets there."""
