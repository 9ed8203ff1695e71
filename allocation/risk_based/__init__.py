"""Allocators that need no expected returns: risk budgets, hierarchical risk parity, maximum diversification."""
