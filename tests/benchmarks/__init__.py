"""Benchmarks: Novara beside bare twins that do the same work without its guarantees.

`python -m tests.benchmarks` prints ratios. Nothing here asserts a time, and pytest collects nothing.
"""
