"""Data sets written anew: converted, cut into tiles."""
