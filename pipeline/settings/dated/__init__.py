"""Settings of `data.series` and `data.tables`."""
