"""Helpers of all packages: array types, compiled kernels, suggestions for mistyped names, BLAS threads."""
