"""Old databases, each read as the same kind of rows."""
