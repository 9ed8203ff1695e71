"""Price files for the fuzzer: how they are made and mutated, what a careful person reads in them, second readers."""
