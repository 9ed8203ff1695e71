"""Price files for the fuzzer: generation, mutations, a reference reader, and second readers."""
