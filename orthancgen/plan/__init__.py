"""DERIVED: services, flows, secrets and accounts that follow from a site; pure."""
