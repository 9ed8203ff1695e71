"""Errors of the store: a value that cannot be written, and a file that cannot be read."""

from __future__ import annotations


class StorableError(TypeError):
    """A value cannot be stored: a mistake in the code that made it, never one of a user's."""


class DamagedError(ValueError):
    """A file is not one that the store wrote for this stage and key; it counts as missing."""
