"""Configuration files: reading them, and explaining mistakes in them."""
