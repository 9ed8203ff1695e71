"""Settings of sources: where a table comes from, and how it is fetched."""
