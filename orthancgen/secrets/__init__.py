"""Secret values: generated, read, placed; never formatted, logged or rendered."""
