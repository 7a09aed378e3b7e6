"""Compares what stands here with an old database, field by field."""
