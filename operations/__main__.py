"""`python -m operations` is `tangency`."""

from operations.cli.main import main

main()
