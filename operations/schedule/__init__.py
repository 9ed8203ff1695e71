"""The schedule: runs each training that is due in its own process, and writes a log."""
