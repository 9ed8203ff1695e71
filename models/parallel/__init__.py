"""Parallel computation of folds: threads, processes, a Dask cluster."""
