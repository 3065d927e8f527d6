"""Checks of environments in CI and before a commit: the files that `orthancgen init --ci` writes."""
