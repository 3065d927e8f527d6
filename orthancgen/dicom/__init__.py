"""DICOM on the wire: synthetic instances, small SCU operations, and the engine of `orthancgen send`.

Depends on pydicom, pynetdicom and `orthancgen.errors` alone.
"""
