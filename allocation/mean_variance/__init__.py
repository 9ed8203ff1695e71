"""Mean-variance allocation, and the relaxation of limits that cannot be met."""
