"""Sources: files, Excel, SQL, DuckDB, functions and web services, all made local files that the readers read."""
