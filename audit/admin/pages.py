"""What the pages of this app have in common."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from core.admin import capital


class ChoiceFilter(admin.SimpleListFilter):
    """A filter of a few choices, each with its words."""

    words: Mapping[str, str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(str(value), capital(words)) for value, words in self.words.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        return queryset.filter(self.condition(value)) if value in self.words else queryset

    def condition(self, value: str) -> Q:
        raise NotImplementedError


def show(model_admin: Any, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    """Show a page of its own within the frame of a model's pages."""
    frame = {**model_admin.admin_site.each_context(request), "opts": model_admin.opts}
    page = f"admin/audit/{model_admin.opts.model_name}/{template}.html"
    return TemplateResponse(request, page, frame | context)


SPANS: Final = (
    (dt.timedelta(days=1), "day"),
    (dt.timedelta(hours=1), "hour"),
    (dt.timedelta(minutes=1), "minute"),
)


def span(length: dt.timedelta) -> str:
    """Say about how long something is: "3 days", "2 hours"."""
    for unit, name in SPANS:
        if length >= unit:
            count = length // unit
            return f"{count:,} {name}{'' if count == 1 else 's'}"
    return "less than a minute"
