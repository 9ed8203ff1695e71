"""The champion: training, comparison, decisions, the registry, and its forecasts."""
