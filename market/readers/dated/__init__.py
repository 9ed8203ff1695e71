"""Files of series and tables with two clocks: when a period ended, and when its value became known."""
