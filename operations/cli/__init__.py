"""The commands that operations add to the command line."""
