"""Checks of data after reading: integrity, anomalies, periods, bars, cash, units, names."""
