"""Strategies with stated weights."""
