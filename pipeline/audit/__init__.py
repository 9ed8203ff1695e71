"""The audit: the run once more with other futures and other units."""
