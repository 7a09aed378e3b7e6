"""What a source raises when it cannot be read at all."""


class SourceError(Exception):
    """Says in a sentence what is wrong with the source; holds none of its values."""
