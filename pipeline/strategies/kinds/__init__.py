"""Kinds of strategies, one module each. A module added here is available in configurations at once."""
