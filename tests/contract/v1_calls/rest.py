"""Analytics, the cache, health and the root."""

from typing import Final

from tests.contract.v1_cast import LEGACY, NEW, Call, Endpoint, Group, staff, under

EVENT: Final = {"event_type": "page_view", "event_data": {"page": "home"}}
TRACKED: Final = ["success", "message", "event_id", "event_type"]
REFUSED_EVENT: Final = under("details", "received type valid")
HEALTH: Final = [
    "status",
    "timestamp",
    "service",
    "environment",
    "version",
    "startup",
    "airtable",
    "jwt",
]
SUMMED_HEALTH: Final = under("checks", "airtable jwt database schemaV2 sentry redis")
REST: Final = Group(
    "The rest",
    [
        Endpoint(
            *("POST", "/api/analytics/events", "Report how the client is used"),
            [
                Call(200, "the type is a text", EVENT, TRACKED),
                Call(200, "there are no data", {"event_type": "x"}, ["event_id"]),
                Call(400, "there is no type", {"event_data": {}}, REFUSED_EVENT),
                Call(400, "the type is empty", {"event_type": ""}, REFUSED_EVENT),
                Call(400, "the type is null", {"event_type": None}, REFUSED_EVENT),
                Call(400, "the type is a number", {"event_type": 5}, REFUSED_EVENT),
                Call(400, "the data are no object", {**EVENT, "event_data": "x"}, old=NEW),
            ],
            takes_body=True,
            old=LEGACY,
        ),
        Endpoint(
            *("GET", "/api/cache/stats", "What the cache of verified tokens holds (for staff)"),
            [
                Call(
                    200,
                    "staff ask",
                    None,
                    ["success", "stats"],
                    LEGACY,
                    who=staff,
                    needs_our_server=True,
                ),
                Call(403, "others ask", old=NEW, says="staff"),
            ],
            is_of_the_moment=True,
            old=NEW,
        ),
        Endpoint(
            *("POST", "/api/cache/clear", "Empty that cache (for staff)"),
            [
                Call(
                    200,
                    "staff ask",
                    {},
                    ["success", "message"],
                    LEGACY,
                    who=staff,
                    needs_our_server=True,
                ),
                Call(403, "others ask", {}, old=NEW, says="staff"),
            ],
            old=NEW,
        ),
        Endpoint(
            *("GET", "/api/health", "Is the service up"),
            [Call(200, "always", None, HEALTH, contains=('"status":"ok"',))],
            needs_token=False,
        ),
        Endpoint(
            *("GET", "/api/health/detailed", "What the service needs, and whether it is there"),
            [
                Call(
                    *(200, "the database is there", None, ["status", "timestamp", *SUMMED_HEALTH]),
                    contains=('"database":"postgresql"', '"schemaV2":"enabled"'),
                )
            ],
            needs_token=False,
        ),
        Endpoint(
            *("GET", "/", "What is here"),
            [Call(200, "always", None, ["message"], contains=("Novara API",))],
            needs_token=False,
        ),
    ],
)
