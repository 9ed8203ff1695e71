"""`python -m operations` is `tangency`."""

from operations.cli import main

main()
