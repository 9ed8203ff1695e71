"""Append-only files, the anchors that reveal missing lines, and the ledger of trials."""
