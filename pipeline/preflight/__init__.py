"""Checks before anything is fitted: training data, coverage, and whether limits can be met."""
