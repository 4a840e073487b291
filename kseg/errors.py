"""The errors that kseg raises on purpose."""


class KsegError(ValueError):
    """What the user can mend: the message says what was expected, what was received, and how.

    It names arguments (`size=`); the command line turns them into its options. Any other exception
    that leaves kseg, but for those of the disk (`OSError`), is a fault of kseg.
    """
