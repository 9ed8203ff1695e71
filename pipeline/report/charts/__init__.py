"""Charts as SVG: of a run, and the plots, axes, names and paths of which they consist."""
