"""Drift: what changed since the model in use was trained."""
