"""Scheduled trainings: each in a process of its own, and a log of them."""
