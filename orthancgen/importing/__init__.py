"""An existing configuration of Orthanc -> an environment in our YAML, and what became of each of its keys."""
