"""OUTPUT: the bundle of files that follows from a plan; pure until ``write``."""
