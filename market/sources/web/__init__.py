"""Sources on the web: downloads with retries, FRED and Yahoo."""
