"""Mean-variance with few positions, none of them small."""
