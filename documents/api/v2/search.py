"""/api/v2/documents/search: questions to one's own documents."""

from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse

from core.api.base import decode_json, json_response
from core.api.openapi import described, ref
from core.api.v2 import HotView
from documents.services import searching
from documents.types import SearchIn, SearchOut

SHAPES: Final = (SearchIn, SearchOut)


class Search(HotView):
    """It enters the gate by itself, as no transaction may wait for an embedder."""

    shows = "content of documents"
    shown_by = frozenset({"POST"})

    @described(
        "Search one's own documents",
        {200: ref(SearchOut)},
        body=ref(SearchIn),
        description=(
            "By words and by meaning, in documents that are `completed`; in those at `embedding`,"
            " or that failed there, by words, and by meaning as far as they have come. The best"
            " pieces first. Of more than about 50,000 pieces, the newest documents are searched:"
            " `document_ids`, `document_type` and `content_type` lead to the others."
        ),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        claims = self.claims(request)
        question = decode_json(self.body(request), into=SearchIn)
        return json_response(
            msgspec.json.encode(searching.search(claims=claims, question=question))
        )
