"""No look without a trace: whose rows a page of the console shows, the audit log is told first.

Every page passes here (config/console.py). What it shows, its template's context tells: the list,
the object, its history, and whatever else is in it that is a row of a person. The entry is written
in the page's own transaction, before the page is rendered; if it cannot be written, the page fails.
What a page knows of people otherwise, it says itself, by audit.services.record_looks.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, Final

from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from accounts.models import User
from audit import services
from audit.types import Looked

# A page's own values, lists of rows in them, and rows within what is listed.
DEPTH: Final = 3


def traced(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = view(request, *args, **kwargs)
        if isinstance(response, TemplateResponse) and response.context_data:
            trace(request, response.context_data)
        return response

    return page


def trace(request: HttpRequest, shown: Any) -> None:
    """Write who looks at whose rows, one entry for each person."""
    is_list = isinstance(shown.get("cl"), ChangeList)
    rows = list(dict.fromkeys(rows_in(shown, DEPTH)))
    if not rows:
        return
    main = shown["cl"].model if is_list else type(shown.get("original") or rows[0])
    by_person: defaultdict[Any, list[Model]] = defaultdict(list)
    for row in rows:
        by_person[person_of(row)].append(row)
    records = []
    for (tenant_id, person_id), own in by_person.items():
        named = [row for row in own if type(row)._meta.concrete_model is main._meta.concrete_model]
        object_id = str(named[0].pk) if len(named) == 1 else ""
        records.append(Looked(person_id, tenant_id, object_id, max(len(named), 1)))
    match = request.resolver_match
    services.record_looks(
        event="records-listed" if is_list else "record-viewed",
        object_type=main._meta.db_table,
        records=records,
        details={"page": match.url_name if match else ""},
    )


def rows_in(value: Any, depth: int) -> Iterator[Model]:
    """Find the rows of people in what a page shows."""
    if isinstance(value, Model):
        if value.pk is not None and is_of_person(type(value)):
            yield value
    elif isinstance(value, ChangeList):
        yield from rows_in(value.result_list, depth)
    elif isinstance(value, QuerySet):
        # Fetched once: the template goes over the same rows.
        if is_of_person(value.model):
            yield from (row for row in value if isinstance(row, Model))
    elif depth:
        for part in parts_of(value):
            yield from rows_in(part, depth - 1)


def parts_of(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
    elif is_dataclass(value) and not isinstance(value, type):
        yield from (getattr(value, field.name) for field in fields(value))


def is_of_person(model: type[Model]) -> bool:
    """Tell whether rows of a model belong to a person: they name one, and their clinic."""
    names = {field.attname for field in model._meta.concrete_fields}
    return issubclass(model, User) or {"user_id", "tenant_id"} <= names


def person_of(row: Any) -> tuple[Any, Any]:
    return row.tenant_id, row.pk if isinstance(row, User) else row.user_id
