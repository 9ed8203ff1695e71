"""Data: versions of the source data, and updates."""
