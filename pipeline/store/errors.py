"""Errors of the store: a value that cannot be written, and a file that cannot be read."""

from __future__ import annotations


class StorableError(TypeError):
    """A value cannot be stored. This is a mistake in the code that computed it, never one of the user's."""


class DamagedError(ValueError):
    """A file was not written by the store for this stage and key; it counts as missing."""
