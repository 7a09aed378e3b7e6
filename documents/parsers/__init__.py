"""Reading files: `parse_in_child` runs the parser of a media type in a process of its own.

No parser is imported here: web and worker stay small, and what a file does to a parser, it does to
the child.
"""

from documents.parsers.supervision import parse_in_child

__all__ = ["parse_in_child"]
