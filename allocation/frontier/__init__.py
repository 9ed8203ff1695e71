"""The efficient frontier, and the maximum Sharpe ratio on it."""
