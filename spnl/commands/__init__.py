"""The commands of `spnl`, one module each; `spnl.cli` imports the one that is used."""
