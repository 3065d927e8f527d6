"""Who may reach which port: one policy from the plan's flows, and a dialect for each firewall that enforces it."""
