"""The command line: its group, and the commands about runs. Heavy libraries are imported by the commands."""
