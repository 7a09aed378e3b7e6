"""What can be done with insights."""
