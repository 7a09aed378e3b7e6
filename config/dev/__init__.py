"""Embedded servers and the processes of a development machine: `python -m config.dev`.

Runs before settings exist, so nothing here imports Django or another part of the project.
"""
