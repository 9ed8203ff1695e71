"""Kinds of strategies, one module each. A module that is added here is known to configurations at once."""
