"""Strategies that solve an optimisation problem at each rebalance."""
