"""Checks of the server itself: its probes, pages, and the frame around every answer."""

import uuid
from typing import Final

from django.conf import settings

from config.deployment.client import Failed, Server
from config.deployment.run import Visit

STRANGER: Final = "https://somebody-else.invalid"
SAFETY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
V2_OFF: Final = (
    "USE_SCHEMA_V2 is off on the server: check-ins are kept, and health events are not written."
    " Set USE_SCHEMA_V2=True there and let the web processes read it, unless you mean it so."
)
CALLS_FOR_OTHERS: Final = (
    "Does PUBLIC_URL lead to this server, and does the proxy let others in there?"
)


def is_alive(visit: Visit) -> None:
    visit.server.call("GET", "/livez").must_be(200).must_say("status", value="ok")


def is_ready(visit: Visit) -> None:
    answer = visit.server.call("GET", "/readyz")
    if answer.status in {200, 503}:
        parts = ("database", "broker", "document_storage")
        states = [(name, answer.at("checks", name)) for name in parts]
        missing = [f"{name}: {str(state)[:100]}" for name, state in states if state != "ok"]
        if missing:
            advice = "Look at DATABASE_URL, REDIS_URL and DOCUMENT_STORAGE."
            raise Failed(f"{answer.call}: {', '.join(missing)}. {advice}")
    answer.must_be(200).must_say("status", value="ok")


def is_healthy(visit: Visit) -> None:
    answer = visit.server.call("GET", "/api/health").must_be(200)
    answer.must_say("service", value="Novara API")
    if '"status":"ok"' not in answer.text:
        raise Failed(f'{answer.call}: expected the text "status":"ok", which old clients look for.')


def is_healthy_in_detail(visit: Visit) -> None:
    """It agrees with /api/v2/status; a mode that is off is another check's affair."""
    answer = visit.server.call("GET", "/api/health/detailed").must_be(200)
    answer.must_say("checks", "database", value="postgresql")
    status = visit.server.call("GET", "/api/v2/status")
    is_on = answer.at("checks", "schemaV2") == "enabled"
    if is_on != status.at("status", "schema_v2_enabled"):
        raise Failed(f"{answer.call}: expected checks.schemaV2 to agree with {status.call}.")


def introduces_itself(visit: Visit) -> None:
    answer = visit.server.call("GET", "/").must_be(200)
    if "Novara API" not in str(answer.at("message")):
        raise Failed(f'{answer.call}: expected "Novara API" in its message.')


def shows_the_docs(visit: Visit) -> None:
    answer = visit.server.call("GET", "/api/docs").must_be(200)
    if answer.headers.get_content_type() != "text/html":
        raise Failed(f"{answer.call}: expected a page, came {answer.said}.")
    for path, known in (
        ("/api/openapi-v1.json", "/api/checkins"),
        ("/api/openapi-v2.json", "/api/v2/health/events"),
    ):
        document = visit.server.call("GET", path).must_be(200)
        document.at("openapi")
        document.at("paths", known)


def tells_its_mode(visit: Visit) -> None:
    answer = visit.server.call("GET", "/api/v2/status").must_be(200).must_say("success", value=True)
    for name in ("schema_v2_enabled", "database_type", "features", "endpoints_available"):
        answer.at("status", name)


def keeps_events(visit: Visit) -> None:
    answer = visit.server.call("GET", "/api/v2/status")
    answer.must_say("status", "schema_v2_enabled", value=True, advice=V2_OFF)
    answer.must_say("status", "features", "health_events", value=True, advice=V2_OFF)


def refuses_unknown_paths(visit: Visit) -> None:
    old = visit.server.call("GET", "/api/no-such-path").must_be(404)
    old.must_say("success", value=False).must_say("error", value="Endpoint not found")
    old.must_say("path", value="/api/no-such-path")
    new = visit.server.call("GET", "/api/v2/no-such-path").must_be(404)
    new.must_say("code", value="not-found").must_say("status", value=404)
    if new.headers.get_content_type() != "application/problem+json":
        raise Failed(f"{new.call}: expected application/problem+json, came {new.said}.")


def is_compact(visit: Visit) -> None:
    for path in ("/api/no-such-path", "/api/v2/status", "/api/health"):
        answer = visit.server.call("GET", path)
        answer.at()
        if '": ' in answer.text or '", "' in answer.text:
            raise Failed(f"{answer.call}: expected JSON without spaces, which old clients search.")


def sends_safety_headers(visit: Visit) -> None:
    answer = visit.server.call("GET", "/api/v2/status")
    wrong = [name for name, value in SAFETY_HEADERS.items() if answer.headers.get(name) != value]
    if visit.server.is_https and not answer.headers.get("Strict-Transport-Security"):
        wrong.append("Strict-Transport-Security (set BEHIND_HTTPS=True)")
    if wrong:
        raise Failed(f"{answer.call}: expected these headers: {', '.join(wrong)}.")


def announces_the_end_of_version_1(visit: Visit) -> None:
    answer = visit.server.call("GET", "/api/users/me")
    for name in ("Deprecation", "Sunset"):
        if not answer.headers.get(name):
            raise Failed(f"{answer.call}: expected the header {name}. Does the proxy drop it?")


def lets_the_web_client_in(visit: Visit) -> None:
    asked = visit.server.call(
        "OPTIONS",
        "/api/checkins",
        Origin=visit.origin,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type,authorization",
    ).must_be(204)
    called = visit.server.call("GET", "/api/v2/status", Origin=visit.origin)
    for answer in (asked, called):
        if answer.headers.get("Access-Control-Allow-Origin") != visit.origin:
            raise Failed(
                f"{answer.call}: expected Access-Control-Allow-Origin to be {visit.origin}."
                " Set ALLOWED_ORIGINS or FRONTEND_URL, or give --origin."
            )
        if answer.headers.get("Access-Control-Allow-Credentials") != "true":
            raise Failed(f"{answer.call}: expected Access-Control-Allow-Credentials: true.")
    if "authorization" not in asked.headers.get("Access-Control-Allow-Headers", "").lower():
        raise Failed(f"{asked.call}: expected leave to send the header Authorization.")


def keeps_other_sites_out(visit: Visit) -> None:
    called = visit.server.call("GET", "/api/v2/status", Origin=STRANGER).must_be(200)
    called.at("status")
    asked = visit.server.call(
        "OPTIONS", "/api/checkins", Origin=STRANGER, Access_Control_Request_Method="POST"
    )
    for answer in (called, asked):
        if answer.headers.get("Access-Control-Allow-Origin"):
            raise Failed(
                f"{answer.call}: expected no Access-Control-Allow-Origin for an unknown site."
                " Look at ALLOWED_ORIGINS, and at what the proxy adds."
            )


def hears_other_services(visit: Visit) -> None:
    """They call PUBLIC_URL, where it is known; without a signature nothing is done."""
    is_known = bool(settings.PUBLIC_URL)
    server = Server(settings.PUBLIC_URL, visit.server.timeout) if is_known else visit.server
    answer = server.call("POST", f"/api/v2/webhooks/llama-parse/{uuid.uuid4()}", {})
    answer.must_be(401, advice=CALLS_FOR_OTHERS)
    answer.must_say("code", value="not-signed", advice=CALLS_FOR_OTHERS)
