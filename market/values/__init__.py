"""Values of a source on their way to a panel: grid, rows, cash, bars, nearly riskless assets."""
