"""What a forecast may be judged by."""
