"""Slots: scheduled instants, each of which is run once."""
