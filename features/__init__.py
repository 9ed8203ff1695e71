"""Features: stateless, causal inputs of the models."""
