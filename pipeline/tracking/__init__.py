"""Tracking: the contents of a run's MLflow record, and how they are sent."""
