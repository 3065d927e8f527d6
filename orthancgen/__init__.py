"""orthancgen: one validated YAML model per environment for the Orthanc DICOM server."""

__version__ = "0.1.0"
