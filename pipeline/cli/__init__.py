"""Command line: the group of commands, and the commands for runs. Each command imports heavy libraries itself."""
