"""Stateless, causal inputs of the models."""
