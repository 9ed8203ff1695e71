"""The shipped features: each annotated function defines one feature, or one family of features over several windows."""
