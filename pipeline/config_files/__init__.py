"""Configuration files: how they are read, and how their mistakes are worded."""
