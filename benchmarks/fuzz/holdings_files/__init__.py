"""Parts of the fuzzer of holdings."""
