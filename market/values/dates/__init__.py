"""Rows of a panel: sessions, calendars, periods, and resampling to longer ones."""
