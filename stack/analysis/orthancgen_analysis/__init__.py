"""Providers of analysis: studies in, measurements and findings out."""

import os

__version__ = "0.1.0"

# onnxruntime 1.32 tells its maker of its use as soon as it is imported, and keeps a device's id in the home folder.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
