"""Models: everything that is fitted, always inside a fold."""
