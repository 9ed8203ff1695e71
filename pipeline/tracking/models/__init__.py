"""Fitted models in formats of MLflow that load without this project."""
