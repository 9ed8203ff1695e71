"""Computation of a feature matrix: order of the features, tiles of dates and assets, history for later dates."""
