"""Mean-variance decisions, and how limits give way where they cannot be met."""
