"""Strategies that combine other portfolios, or groups of assets."""
