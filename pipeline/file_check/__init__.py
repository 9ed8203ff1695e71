"""`tangency check`: what a file holds, the findings of all checks, and repairs that are sure."""
