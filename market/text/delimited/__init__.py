"""Delimited text: where the table lies in a file, how its lines are separated into cells, and its columns."""
