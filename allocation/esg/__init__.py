"""Scores of assets as exclusions, floors and tilts."""
