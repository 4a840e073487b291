"""A page in the browser on which images are segmented."""
