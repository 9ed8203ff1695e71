"""Suspicions: values that are possible and look like a fault of the vendor; warnings and notes, never fatal."""
