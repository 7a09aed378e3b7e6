"""Writes what the rules found: one insight for each occasion."""
