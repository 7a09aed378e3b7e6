"""Views that do one part more of POST /events each; beside all real ones. For parts_worker."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.urls import urlpatterns as real
from core.api.base import decode_json, json_response
from core.api.v2 import HotView
from health.api.v2.events import Events
from health.types import EventIn

ANSWER = b'{"ok":true}'


class Nothing(HotView):
    def post(self, _request: HttpRequest) -> HttpResponse:
        return json_response(ANSWER, 201)


class Token(HotView):
    def post(self, request: HttpRequest) -> HttpResponse:
        self.claims(request)
        return json_response(ANSWER, 201)


class Body(HotView):
    def post(self, request: HttpRequest) -> HttpResponse:
        self.claims(request)
        decode_json(self.body(request), into=EventIn)
        return json_response(ANSWER, 201)


urlpatterns = [
    path("api/parts/nothing", Nothing.as_view()),
    path("api/parts/token", Token.as_view()),
    path("api/parts/body", Body.as_view()),
    path("api/parts/event", Events.as_view()),
    *real,
]
