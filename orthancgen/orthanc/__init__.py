"""What Orthanc itself is: its keys by version, its admission rules, its messages. Depends on nothing but errors."""
