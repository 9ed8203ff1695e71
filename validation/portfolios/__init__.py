"""Tests of portfolios: Sharpe ratios, certainty equivalents, and the best of several strategies."""
