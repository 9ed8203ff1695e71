"""Strategies: settings and policy of each kind, found by scanning the folder `kinds`."""
