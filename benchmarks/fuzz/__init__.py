"""Search for inputs that end in a traceback, a hang or a silently wrong answer."""
