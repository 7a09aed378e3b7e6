"""After each answer of an API that showed somebody their record, a note of it."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from audit import reading
from audit.reading import Read
from core import origin

# The record, a part of it, or word that the reader has it already.
SHOWN: Final = frozenset({200, 206, 304})
LONGEST_ID: Final = 64


def noted_reads(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """What a view shows, and by which methods, its class says (core.api.base.GatedView)."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        match = request.resolver_match
        if match is None or response.status_code not in SHOWN:
            return response
        view = getattr(match.func, "view_class", None)
        shown = getattr(view, "shows", "")
        if shown and request.method in view.shown_by:  # type: ignore[union-attr]  # It has both.
            claims = getattr(request, "claims", None)
            named = next(iter(match.kwargs.values()), "")
            email = claims.email if claims else None
            reading.note(Read(origin.caller.get(), email, shown, str(named)[:LONGEST_ID]))
        return response

    return answer
