"""Readers: files to columns, and columns to one grid of dates and assets."""
