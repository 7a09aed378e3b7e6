"""The importer: one person of an old database, one transaction."""
