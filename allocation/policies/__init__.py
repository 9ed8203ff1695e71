"""Policies: what decides at each rebalance, alone or put together."""
