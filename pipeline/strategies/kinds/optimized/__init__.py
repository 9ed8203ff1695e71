"""Strategies that solve a problem at each rebalance."""
