"""/api/v2/documents/progress-stream: where a person's event stream is."""

from typing import Annotated, Final

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.openapi import described, ref
from core.api.v2 import V2View
from documents.api import stream


class NoBody(msgspec.Struct, forbid_unknown_fields=True): ...


class ProgressStreamOut(msgspec.Struct):
    """`url` is null where progress is not streamed: read the document now and then."""

    url: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri"})] | None


SHAPES: Final = (ProgressStreamOut,)


class ProgressStream(V2View):
    @described(
        "The address of the stream of hints",
        {200: ref(ProgressStreamOut)},
        description=(
            "Server-sent events for EventSource; good for 12 hours, and for as long as the"
            " session. `progress` names a document that went on (`document_id`): read it.\n\n"
            "`resync`: hints may have been missed; read all documents that are on their way, as"
            " after each opening. Hints may come late, twice or never, so read what is on its way"
            " each half minute all the same."
        ),
    )
    def post(self, request: Request) -> Response:
        msgspec.convert(request.data, NoBody)
        url = stream.address_for(self.person, self.claims(request))
        return Response(msgspec.to_builtins(ProgressStreamOut(url)))
