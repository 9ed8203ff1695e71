"""Views and forecasts combined with equilibrium (Black and Litterman)."""
