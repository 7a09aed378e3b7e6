"""What the pages of the console have in common: whose rows they show, and cheap long lists."""

import datetime as dt
import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import connection, models
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join

Record = TypeVar("Record", bound=models.Model)


class CheapPaginator(Paginator[Any]):
    """Pages that cost the same however long the table is.

    Rows are counted up to 10,000; beyond that the planner's estimate is near enough. Pages end
    there too, as a page further on would read everything before it.
    """

    exact_up_to = 10_000

    object_list: models.QuerySet[Any]

    @cached_property
    def count(self) -> int:
        counted = self.object_list.order_by().values("pk")[: self.exact_up_to + 1].count()
        if counted <= self.exact_up_to or self._is_filtered:
            return counted
        return max(counted, self._estimate())

    @cached_property
    def num_pages(self) -> int:
        return max(1, math.ceil(min(self.count, self.exact_up_to) / self.per_page))

    @property
    def is_whole(self) -> bool:
        return self.count <= self.exact_up_to

    @property
    def count_in_words(self) -> str:
        if self.is_whole:
            return f"{self.count:,}"
        if self._is_filtered:
            return f"more than {self.exact_up_to:,}"
        return f"about {self.count:,}"

    @property
    def _is_filtered(self) -> bool:
        return bool(self.object_list.query.where)

    def _estimate(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)",
                [self.object_list.model._meta.db_table],
            )
            row = cursor.fetchone()
        return row[0] if row else 0


class ConsoleAdmin(admin.ModelAdmin[Record]):
    """A page of the console: superusers see all rows, staff those of their own tenant.

    For staff this stands beside the gate of their tenant (config/middleware.py). Being staff is
    the permission; Django's permissions of models and groups are not used.
    """

    purpose = ""
    # Whether support may have it, which sees no health data: what it reads is granted to
    # novara_support too.
    is_for_support = False
    paginator = CheapPaginator
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Head the list by what it lists, not by "Select … to change"."""
        title = label(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title} | (extra_context or {}))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if row := kwargs.get("obj"):
            context |= {"title": self.heading(row), "subtitle": None}
        return super().render_change_form(request, context, *args, **kwargs)

    def get_object(self, request: HttpRequest, *args: Any) -> Record | None:
        """Refuse before the database does: Django's pages look a row up, and then who asks."""
        if not self.is_within_reach(request, None):
            raise PermissionDenied
        return super().get_object(request, *args)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        if actor(request).is_support:
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def heading(self, row: Record) -> str:
        return str(row)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow the filters of the page alone: the lookup of a column tells what is in it."""
        if request is None:
            return False
        filters = self.get_list_filter(request)
        own = {getattr(each, "parameter_name", None) for each in filters}
        columns = tuple(f"{each}__" for each in filters if isinstance(each, str))
        return lookup in own or lookup.startswith(columns)

    def formfield_for_dbfield(self, *args: Any, **kwargs: Any) -> Any:
        """Leave out the buttons that add or change what a choice names: they mislead here."""
        field: Any = super().formfield_for_dbfield(*args, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Record]:
        rows = super().get_queryset(request)
        user = actor(request)
        if user.is_superuser:
            return rows
        # What is of no clinic is of no concern to its staff.
        return (
            rows.filter(tenant_id=user.tenant_id)
            if hasattr(self.model, "tenant_id")
            else rows.none()
        )

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        user = actor(request)
        if not user.is_superuser:
            target: Any = db_field.remote_field.model
            key = "tenant_id" if hasattr(target, "tenant_id") else "pk"
            kwargs["queryset"] = target.objects.filter(**{key: user.tenant_id})
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Record | None = None) -> bool:
        return self.is_within_reach(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.is_within_reach(request, None)

    def has_change_permission(self, request: HttpRequest, obj: Record | None = None) -> bool:
        return self.is_within_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Record | None = None) -> bool:
        return False

    @classmethod
    def is_within_reach(cls, request: HttpRequest, obj: Any) -> bool:
        user = actor(request)
        if not (user.is_active and user.is_staff) or (user.is_support and not cls.is_for_support):
            return False
        return obj is None or user.is_superuser or obj.tenant_id == user.tenant_id


class ForSuperusers:
    """Beside the class of a page about the whole house: staff of one clinic see nothing of it."""

    @classmethod
    def is_within_reach(cls, request: HttpRequest, _obj: Any) -> bool:
        user = actor(request)
        return bool(user.is_active and user.is_superuser)


class ReadOnlyAdmin(ConsoleAdmin[Record]):
    """A page of rows that nobody changes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Record | None = None) -> bool:
        return False


def actor(request: HttpRequest) -> Any:
    """Give whoever is at the console. Typed loosely, as accounts is above this floor."""
    return request.user


def label(key: str) -> str:
    """Make a heading of a key: "phq4_score" → "PHQ4 score"."""
    words = key.replace("_", " ").replace("phq4", "PHQ-4").replace("checkin", "check-in").strip()
    return capital(words)


def capital(words: str) -> str:
    """Raise the first letter alone: names in the rest stay as they are."""
    return words[:1].upper() + words[1:]


def when(instant: dt.datetime | None) -> str:
    return date_format(instant, "N j, Y, H:i") if instant else "-"


def pill(kind: str, words: str) -> str:
    """Mark a state; static/novara/console.css has a color for each kind."""
    return format_html('<span class="state state-{}">{}</span>', kind, words)


def in_words(value: object) -> str:
    """Say a JSON value as people would."""
    if value is None:
        return "asked, not answered"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(part, str | int | float) for part in value):
        return ", ".join(in_words(part) for part in value) or "none"
    return json.dumps(value, ensure_ascii=False, indent=2)


def facts(data: Mapping[str, Any]) -> str:
    """Show a JSON object as a table of two columns."""
    if not data:
        return "-"
    rows = format_html_join(
        "",
        '<tr><th scope="row">{}</th><td>{}</td></tr>',
        ((label(key), in_words(value)) for key, value in data.items()),
    )
    return format_html('<table class="facts"><tbody>{}</tbody></table>', rows)
