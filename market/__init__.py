"""Market data: panels of returns and other series, with the time at which each value was known."""
