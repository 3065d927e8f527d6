"""Backups of an environment with restic: images, records and state, and bringing them back."""
