"""`python -m spnl`, and the entry point of the command `spnl`."""


def main() -> None:
    """Run the command; Ctrl-C while it is being imported ends it without a traceback."""
    try:
        from spnl.cli import main as command
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    command()


if __name__ == "__main__":
    main()
