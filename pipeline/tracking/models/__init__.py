"""Fitted models in MLflow formats that load without this project."""
