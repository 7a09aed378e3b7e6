"""What is true of every path: browsers' questions, unknown paths, other methods."""

from typing import Final

from tests.contract.v1_cast import NEW, Call, Endpoint, Given, Group, under

ORIGINS: Final = (
    *(f"http://localhost:{port}" for port in (3000, 4200, 5173)),
    "https://novara-4f9a-novara-fertility.vercel.app",
)
FEATURES: Final = "health_events event_sourcing enhanced_analytics backward_compatibility"


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }


def let_in(origin: str) -> dict[str, str | None]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    }


UNKNOWN_PATHS: Final = ("auth/status", "users/current", "users/login", "users/register", "weekly")


def named(path: str) -> Given:
    return lambda _: {"path": path}


AROUND: Final = Group(
    "Around them",
    [
        Endpoint(
            *("OPTIONS", "/api/checkins", "Ask whether a browser's page may call (every path)"),
            [
                *(
                    Call(
                        *(204, f"the page is of {origin}"),
                        headers=preflight(origin),
                        answered=let_in(origin),
                    )
                    for origin in ORIGINS
                ),
                Call(
                    *(204, "the page is of another site, and gets no leave"),
                    old=NEW,
                    headers=preflight("https://else.vercel.app"),
                    answered={"Access-Control-Allow-Origin": None},
                ),
            ],
            needs_token=False,
        ),
        Endpoint(
            *("GET", "/api/{path}", "Ask for a path that never was, as scripts do"),
            [
                Call(
                    *(404, f"it is `{path}`", None, ["path"]),
                    given=named(path),
                    contains=(f'"path":"/api/{path}"',),
                )
                for path in UNKNOWN_PATHS
            ],
            needs_token=False,
        ),
        Endpoint(
            *("PATCH", "/api/checkins", "A method that a path does not have"),
            [Call(405, "always", {}, old=NEW)],
        ),
        Endpoint(
            *("GET", "/api/v2/status", "What is switched on, of version 2"),
            [
                Call(
                    *(200, "always", None),
                    [
                        "success",
                        *under("status", "schema_v2_enabled database_type endpoints_available"),
                        *under("status.features", FEATURES),
                    ],
                )
            ],
            needs_token=False,
            is_v1=False,
        ),
    ],
)
