"""What every package may use: array types, compiled kernels, suggestions for mistyped names, BLAS threads."""
