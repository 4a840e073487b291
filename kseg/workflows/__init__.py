"""One function per command: a script, a notebook and the command line call these."""
