"""Novara with views that only enter the gate, beside those that are asked. For flags_http."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

import config.wsgi
from config import api_v2, ofrep
from core import gate, origin
from core.api.base import json_response
from core.api.v2 import HotView

application = config.wsgi.application


class Nothing(HotView):
    def get(self, request: HttpRequest) -> HttpResponse:
        claims = self.claims(request).as_parameters()
        gate.one_statement(gate.ENTER, (*claims, origin.context()))
        return json_response(b'{"ok":true}')

    post = get


# Each where the other one is looked for, as finding a path among many takes its time.
names = [str(one.pattern) for one in api_v2.urlpatterns]
api_v2.urlpatterns.insert(names.index("flags"), path("nothing", Nothing.as_view()))
ofrep.urlpatterns.insert(0, path("nothing", Nothing.as_view()))
