"""Audit: rerun the pipeline with other futures and other units."""
