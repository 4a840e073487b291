"""What was learned and found, as pictures, tables and files."""
