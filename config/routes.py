"""The routes of the APIs, as their documents write them: /api/v2/documents/{document_id}."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from django.urls import URLPattern, URLResolver, get_resolver

from documents.api import stream as documents
from flags.api import stream as flags

APIS: Final = ("/api/", "/ofrep/")
# Of the stream server; rules and counts name them as the others.
STREAMS: Final = (flags.PATH, documents.PATH)
# What is asked for where nothing is; no rule can name it, only all that begins so.
UNKNOWN: Final = "(unknown)"
CONVERTER: Final = re.compile(r"<(?:\w+:)?(\w+)>")


@lru_cache(maxsize=1_000)
def route_of(pattern: str) -> str:
    """Write Django's route as the API's documents do."""
    return "/" + CONVERTER.sub(r"{\1}", pattern)


@lru_cache(maxsize=1)
def all_routes() -> frozenset[str]:
    found = map(route_of, _patterns("", get_resolver()))
    return frozenset((*STREAMS, *(route for route in found if route.startswith(APIS))))


def _patterns(start: str, resolver: URLResolver) -> Iterator[str]:
    for one in resolver.url_patterns:
        path = start + str(one.pattern)
        if isinstance(one, URLPattern):
            yield path
        else:
            yield from _patterns(path, one)
