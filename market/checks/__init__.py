"""Checks of what was read: integrity, anomalies, periods, bars, units, names."""
