"""`python -m kseg`."""

from kseg.cli.group import kseg


def main() -> None:
    """Run the command line."""
    kseg(prog_name="kseg")


if __name__ == "__main__":
    main()
