"""Bare apps to compare with: what a team would write in an afternoon, and nothing more."""
