"""The runner: the order of the stages, what is stored of each, and the compilation of kernels."""
