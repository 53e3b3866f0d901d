"""What a system of some size costs."""
