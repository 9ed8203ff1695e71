"""Allocators on scenarios of past returns: Kelly and conditional value at risk."""
