"""The quadratic programme behind mean-variance: active set, interior point and the evidence for an answer."""
