"""How Orthanc decides about a DICOM caller; `orthancgen.orthanc.access` is the way in."""
