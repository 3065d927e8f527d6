"""INPUT: the environment file as a validated, frozen value."""
