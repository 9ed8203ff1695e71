"""Stages of a run: from data to forecasts, portfolios and scores, and the results that they add up to."""
