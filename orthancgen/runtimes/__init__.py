"""How a plan comes to life."""
