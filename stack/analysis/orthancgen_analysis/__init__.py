"""Providers of analysis: studies in, measurements and findings out."""

__version__ = "0.1.0"
