"""Programs for who maintains this repository."""
