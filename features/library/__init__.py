"""The features: one annotated function, one feature or one family of windows."""
