"""What can be done with an old database: bring it over, verify, undo."""
