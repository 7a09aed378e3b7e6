"""Brings a person's old check-ins and events in, many at a time."""
