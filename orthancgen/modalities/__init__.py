"""The modalities of an environment: listed, added, changed and removed in its file, imported, and asked."""
