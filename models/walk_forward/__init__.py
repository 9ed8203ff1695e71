"""Walk-forward: training windows, what a walk keeps, and the plain loop that every faster walk is tested against."""
