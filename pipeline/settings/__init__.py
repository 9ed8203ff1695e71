"""Settings: sections of the configuration, as plain values."""
