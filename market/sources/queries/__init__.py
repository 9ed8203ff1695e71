"""Sources that run a query or a function: SQL, DuckDB and functions of the user."""
