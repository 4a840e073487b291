"""The command line: it translates, calls the library, and prints."""
