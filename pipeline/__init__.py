"""Pipeline: the package that connects all others into one run."""
