"""Data: versions of what a source said, and updates."""
