"""Parts of the fuzzer of configurations."""
