"""Tuning: the search of parameters inside training windows."""
