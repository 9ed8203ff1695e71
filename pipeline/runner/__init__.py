"""Runner: the order of the stages, the storage of their results, and the compilation of kernels."""
