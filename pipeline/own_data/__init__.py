"""Own data: the series and tables of a configuration, and their features."""
