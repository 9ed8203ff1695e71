"""What a decision must keep: limits by name, as numbers, and whether they can be met."""
