"""Readers: files and packaged data sets to a panel, scores and cash."""
