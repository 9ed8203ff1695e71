"""Allocators with the interface of scikit-learn."""
