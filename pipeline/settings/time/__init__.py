"""Settings that count observations, or give their number in time."""
