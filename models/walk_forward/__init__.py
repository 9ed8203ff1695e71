"""Walk-forward: training windows, the state of a walk, and the plain loop that every faster walk is tested against."""
