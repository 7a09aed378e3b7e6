"""A web process whose console has lost its own filter, so that only the policies hold."""

import os
from typing import Any

from django.http import HttpRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.wsgi import application
from core.admin import ConsoleAdmin


def everything(self: Any, request: HttpRequest) -> Any:
    return super(ConsoleAdmin, self).get_queryset(request)


def anything(request: HttpRequest, _: Any) -> bool:
    """Whoever is signed in; the page of the log-in asks for nobody, too."""
    return bool(request.user.is_active and request.user.is_staff)


ConsoleAdmin.get_queryset = everything  # type: ignore[method-assign]  # The hole.
ConsoleAdmin.is_within_reach = staticmethod(anything)  # type: ignore[assignment]

__all__ = ["application"]
