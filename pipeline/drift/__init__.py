"""Drift: changes since the model in use was trained."""
