"""Backups of the database, and what a database needs that was restored from one.

`archive` makes backups and restores them, `inventory` says what is in a database so that two of
them can be compared, `positions` keeps readers of the log from being blind after a restore.
"""
