"""MLflow's model registry: a mirror of the decisions."""
