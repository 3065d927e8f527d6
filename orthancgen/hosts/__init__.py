"""What brings environments to other machines: their inventory, and programs that are built elsewhere."""
