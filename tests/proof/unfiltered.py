"""A web process whose console has lost its own filter, so that only the policies hold."""

import os
from typing import Any

from django.http import HttpRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.wsgi import application
from core.admin import ConsoleAdmin


def everything(self: Any, request: HttpRequest) -> Any:
    return super(ConsoleAdmin, self).get_queryset(request)


ConsoleAdmin.get_queryset = everything  # type: ignore[method-assign]  # The hole.
ConsoleAdmin.is_within_reach = staticmethod(lambda *_: True)  # type: ignore[assignment]

__all__ = ["application"]
