"""What was deployed, by whom and why; what is being changed; and what differs from it."""
