"""Panels from data that ships inside installed packages; nothing is downloaded."""
