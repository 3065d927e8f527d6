"""Who may do what, at which step that is decided, and by which setting: computed from the plan alone."""
