"""The questions of V1's daily form, chosen for one person and day."""
