"""Workstation sheets: what somebody at a modality types in, as its vendor names it, and how to test it."""
