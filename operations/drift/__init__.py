"""Drift of the champion, and trainings before their time."""
