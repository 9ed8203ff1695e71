"""Values of dated records as of a date: the newest observation, in its newest vintage, that was known then."""
