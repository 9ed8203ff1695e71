"""Files of series and tables for the fuzzer: generation, a plain reader, and values as of a date by brute force."""
