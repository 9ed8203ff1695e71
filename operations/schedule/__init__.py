"""The schedule: what is due is done, each training in a process of its own, with a log."""
