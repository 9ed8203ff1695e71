"""Slots: scheduled instants, each to be done once."""
