"""Strategies: settings and policy of each kind, found by walking the folder `kinds`."""
