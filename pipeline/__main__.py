"""`python -m pipeline` is `tangency`."""

from pipeline.cli import main

main()
