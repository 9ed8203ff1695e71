"""Files to which lines are only added, the anchors that show when one was shortened, and the ledger of trials."""
