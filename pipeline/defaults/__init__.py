"""Defaults of a configuration that depend on its data: on frequency, span and number of assets."""
