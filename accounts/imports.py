"""Brings an account of the old service in, with its id and its dates."""
