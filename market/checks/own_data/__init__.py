"""Checks of the user's series and tables."""
