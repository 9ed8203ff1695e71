"""Stages of a run: from data to forecasts, portfolios and scores, and the values that hold their results."""
