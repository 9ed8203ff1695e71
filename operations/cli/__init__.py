"""The commands of operations on the command line."""
