"""Strategies that are made of other portfolios, or of groups of assets."""
