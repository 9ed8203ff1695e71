"""Active portfolios: what they hold, risk and earn beside a benchmark, and where it comes from."""
