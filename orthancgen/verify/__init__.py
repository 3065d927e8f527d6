"""The proofs: what runs is what was asked for. One module a check; results are values."""
