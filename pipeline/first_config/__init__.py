"""`tangency init`: a first configuration for a file, which runs as it is."""
