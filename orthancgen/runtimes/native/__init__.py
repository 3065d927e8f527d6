"""The embedded default: Orthanc, SecantusDB and the backend as programs of this host, under supervisor."""
