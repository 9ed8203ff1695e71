"""Everything that is fitted, always inside a fold."""
