"""Drift of the champion, and the unscheduled retraining that drift may trigger."""
