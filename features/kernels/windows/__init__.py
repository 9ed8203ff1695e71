"""Compiled loops over trailing windows, built from blocks of rows."""
