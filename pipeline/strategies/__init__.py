"""Strategies: their settings, and what makes their policies."""
