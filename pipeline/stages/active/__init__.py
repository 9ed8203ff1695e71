"""Active portfolios of a run: how much of the forecast each one holds, and where its active return comes from."""
