"""From forecast to weights."""
