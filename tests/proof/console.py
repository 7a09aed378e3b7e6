"""Every page of the console as staff of one clinic, with rows of the other in every place."""

import html
import random
import re
import uuid
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urlencode

from django.contrib import admin
from django.db.models import Model

from tests.house.catalog import rows
from tests.house.routes import PASSWORD, patterns
from tests.proof.calls import Answer, Caller
from tests.proof.findings import Section
from tests.proof.fuzz import plain
from tests.proof.world import SOUTH, World

NAME: Final = "anna's console"
TOKEN: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")
LINK: Final = re.compile(r'href="\?([^"]+)"')
# What is shorter is a word of the page's own.
SHORTEST: Final = 8
# Of the pages and questions that a quick run tries.
QUICK_SHARE: Final = 0.2
# They end the session.
SPOILS: Final = ("logout", "password_change", "login")


class Visitor(Caller):
    """A browser at the console, with a session and the token of its forms."""

    def __init__(self, world: World, email: str) -> None:
        super().__init__(NAME, world.url, world.ledger)
        self.token = ""
        self.visit("/admin/login/")
        form = {"username": email, "password": PASSWORD, "next": "/admin/"}
        answer = self.post("/admin/login/", form)
        if answer.status_code != 302:
            raise RuntimeError(f"Staff could not log in: {answer.status_code}.")

    def visit(self, path: str) -> Answer:
        answer = self.call("GET", path)
        if found := TOKEN.search(answer.content.decode(errors="replace")):
            self.token = found[1]
        return answer

    def post(self, path: str, form: dict[str, Any]) -> Answer:
        body = urlencode(form | {"csrfmiddlewaretoken": self.token}, doseq=True).encode()
        return self.send("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})


def walk(world: World, section: Section, *, is_quick: bool) -> None:
    before = sum(world.ledger.asked.values())
    dice = random.Random(world.markers.seed)  # noqa: S311  Reproducible on purpose.
    visitor = Visitor(world, world.people["anna"].user.email)
    for model in admin.site._registry:
        _list(world, section, visitor, model, share=QUICK_SHARE if is_quick else 1, dice=dice)
        _actions(world, section, visitor, model)
    templates = sorted({one for one, _ in patterns() if one.startswith("admin/")})
    for template in templates:
        if is_quick and dice.random() > QUICK_SHARE:
            continue
        if not any(word in template for word in SPOILS):
            _page(world, section, visitor, template)
    if not is_quick:
        _elsewhere(world, visitor)
    section.tried += sum(world.ledger.asked.values()) - before
    section.fact("Registered pages", len(admin.site._registry))
    section.fact("Paths of the console", len(templates))
    section.fact("Calls over HTTP", sum(world.ledger.asked.values()) - before)


# Lists: filters, searches, orders


def _list(
    world: World,
    section: Section,
    visitor: Visitor,
    model: type[Model],
    *,
    share: float,
    dice: random.Random,
) -> None:
    path = _path(model)
    page = visitor.visit(path).content.decode(errors="replace")
    for query in sorted({html.unescape(one) for one in LINK.findall(page)})[:25]:
        if dice.random() < share:
            visitor.visit(f"{path}?{query}")
    for query in (
        "all=",
        "p=1",
        "p=99999",
        "o=1.2.3.4.5",
        "o=-1",
        "_popup=1",
        "e=1",
        "_facets=True",
    ):
        if dice.random() < share:
            visitor.visit(f"{path}?{query}")
    for theirs, unknown in _questions(world):
        if dice.random() > share:
            continue
        asked, nothing = visitor.visit(f"{path}?{theirs}"), visitor.visit(f"{path}?{unknown}")
        same(section, f"GET {path}?{theirs}", asked, nothing, {theirs: unknown})


def _questions(world: World) -> Iterator[tuple[str, str]]:
    """A question that only rows of Charlie answer, and one that none does."""
    charlie = world.people["charlie"].user
    nobody = uuid.uuid4()
    email, word = charlie.email, "charlie.zq0000000000000000@example.com"
    nickname = rows("SELECT nickname FROM user_profiles WHERE user_id = %s", [charlie.pk])[0][0]
    yield f"q={quote(email)}", f"q={quote(word)}"
    yield f"q={nickname}", "q=zq0000000000000000"
    yield f"q={charlie.pk}", f"q={nobody}"
    for name in (
        "user",
        "user__id",
        "user__id__exact",
        "user_id",
        "id",
        "id__in",
        "pk",
        "user__in",
    ):
        yield f"{name}={charlie.pk}", f"{name}={nobody}"
    for name in ("tenant", "tenant__id__exact", "tenant_id", "user__tenant", "clinic"):
        yield f"{name}={charlie.tenant_id}", f"{name}={nobody}"
    for name in ("email", "email__startswith", "user__email__startswith", "user__email", "person"):
        yield f"{name}={quote(email)}", f"{name}={quote(word)}"
    for name in ("user__profile__nickname__contains", "nickname", "user__password__startswith"):
        yield f"{name}={nickname}", f"{name}=zq0000000000000000"


def _actions(world: World, section: Section, visitor: Visitor, model: type[Model]) -> None:
    """An action over a mixed selection: one row of one's own, and one of somebody else's."""
    page: Any = admin.site._registry[model]
    theirs, own = _keys(world, model)
    names = [each if isinstance(each, str) else each.__name__ for each in page.actions or ()]
    for name in (*names, "delete_selected"):
        for chosen in ([*theirs, *own], theirs):
            form = {"action": name, "_selected_action": chosen, "index": 0, "select_across": 0}
            visitor.post(_path(model), form)
            visitor.post(_path(model), form | {"select_across": 1, "post": "yes"})


# Every path, also those of a page's own


def _page(world: World, section: Section, visitor: Visitor, template: str) -> None:
    model = _model_of(template)
    theirs, own = _keys(world, model) if model else ([], [])
    plain_path = "/" + template.replace("^", "").replace("$", "")
    if not PARAMETER.search(template):
        visitor.visit(plain_path)
        visitor.post(plain_path, {"reason": "The proof asks.", "note": "The proof asks."})
        return
    for key in own[:1]:
        visitor.visit(_filled(template, key))
    for key in theirs[:2] or [str(uuid.uuid4())]:
        unknown = "999999999" if key.isdigit() else str(uuid.uuid4())
        for method in ("visit", "post"):
            form = ({"reason": "The proof asks for it.", "note": "Seen.", "post": "yes"},)
            arguments = form if method == "post" else ()
            there, nowhere = _filled(template, key), _filled(template, unknown)
            asked = getattr(visitor, method)(there, *arguments)
            nothing = getattr(visitor, method)(nowhere, *arguments)
            same(section, f"{method} {there}", asked, nothing, {key: unknown})
            if asked.status_code == 302:
                asked = visitor.visit(asked.header("Location"))
                nothing = visitor.visit(nothing.header("Location"))


def _elsewhere(world: World, visitor: Visitor) -> None:
    """Shortcuts to any object, choices of any field, and the API with a session's cookie."""
    charlie = world.people["charlie"]
    kinds = rows("SELECT id FROM django_content_type")
    for (kind,) in kinds:
        for value in (charlie.user.pk, charlie.ids["document_id"], charlie.ids["event_id"]):
            visitor.visit(f"/admin/r/{kind}/{value}/")
    for model in admin.site._registry:
        meta = model._meta
        for each in ("user", "tenant", "flag"):
            told = {"app_label": meta.app_label, "model_name": meta.model_name, "field_name": each}
            visitor.visit(f"/admin/autocomplete/?{urlencode(told | {'term': charlie.user.email})}")
    for path in ("/admin/jsi18n/", "/api/v2/me", "/metrics", "/readyz", "/api/docs"):
        visitor.visit(path)


def same(section: Section, what: str, asked: Answer, nothing: Answer, sent: dict[str, str]) -> None:
    first, second = _without_tokens(plain(asked)), _without_tokens(plain(nothing))
    for theirs, unknown in sent.items():
        first, second = first.replace(f"/{theirs}/", "/…/"), second.replace(f"/{unknown}/", "/…/")
        for one, other in zip(theirs.split("="), unknown.split("="), strict=False):
            if len(one) < SHORTEST:
                continue
            for form in (str, quote, html.escape):
                first, second = first.replace(form(one), "…"), second.replace(form(other), "…")
    section.expect(
        first == second,
        f"staff of another clinic: {what} is not answered like an unknown one",
        _difference(first, second),
    )


def _without_tokens(page: str) -> str:
    page = re.sub(
        r"(csrfmiddlewaretoken\" value=\")[^\"]*|(csrftoken|sessionid|messages)=[^;\"']*", "…", page
    )
    return re.sub(r"nonce=\"[^\"]*\"|expires=[^;]*GMT", "…", page)


def _difference(first: str, second: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), 0)
    return (
        f"…{first[max(0, at - 80) : at + 120]}… instead of …{second[max(0, at - 80) : at + 120]}…"
    )


def _path(model: type[Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def _model_of(template: str) -> type[Model] | None:
    return next((m for m in admin.site._registry if f"/{template}".startswith(_path(m))), None)


def _keys(world: World, model: type[Model]) -> tuple[list[str], list[str]]:
    """Primary keys of rows of South, and of rows of North."""
    manager, names = model._base_manager, {field.attname for field in model._meta.fields}
    if "tenant_id" not in names:
        is_tenant = model._meta.db_table == "tenants"
        key = str(world.tenants[SOUTH].pk)
        return (
            [key] if is_tenant else [str(pk) for pk in manager.values_list("pk", flat=True)[:1]]
        ), []
    south = manager.filter(tenant_id=world.tenants[SOUTH].pk).order_by("-pk")
    north = manager.exclude(tenant_id=world.tenants[SOUTH].pk).order_by("-pk")
    return (
        [str(pk) for pk in south.values_list("pk", flat=True)[:2]],
        [str(pk) for pk in north.values_list("pk", flat=True)[:1]],
    )


def _filled(template: str, key: str) -> str:
    found = PARAMETER.sub(lambda _: key, template)
    return "/" + re.sub(r"[\^$?]|\\Z", "", found)
