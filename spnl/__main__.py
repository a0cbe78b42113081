"""`python -m spnl` is `spnl`."""

from spnl.cli import main

main()
