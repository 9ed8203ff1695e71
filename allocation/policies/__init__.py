"""Policies: rules that decide at each rebalance, alone or combined."""
