"""When and how fast to trade."""
