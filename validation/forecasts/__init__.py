"""Scores and tests of forecasts and regimes."""
