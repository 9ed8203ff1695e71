"""Files as vendors write them, for the fuzzer: facts, layouts, notations, workbooks and mutations."""
