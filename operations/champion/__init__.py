"""The model in use: its files, and how it stands."""
