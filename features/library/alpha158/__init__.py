"""Qlib's Alpha158 (Yang et al., 2020), in three parts."""
