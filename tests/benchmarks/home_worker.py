"""Sign a superuser, staff and support in; and count requests of some weeks."""

from tests.benchmarks import worker

ANSWER = worker.set_django_up()

from django.db import connection  # noqa: E402  After Django is set up.

from accounts.models import Tenant, User  # noqa: E402
from ratelimits.types import BOUNDS  # noqa: E402
from tests.benchmarks.documents_console_worker import cookie_of  # noqa: E402

DAYS = 90
ROUTES = 100
# All routes together in each database; in the large one, single routes around them.
REQUESTS = """
    INSERT INTO api_traffic_hours
           (id, hour, route, method, status_class, request_count, total_ms, histogram)
    SELECT gen_random_uuid(), h, CASE r WHEN 0 THEN '*' ELSE '/api/v2/route-' || r END,
           CASE r WHEN 0 THEN '*' ELSE 'GET' END, s, 1000 / s, 20000, array_fill(90, ARRAY[%s])
      FROM generate_series(date_trunc('hour', now()) - %s * interval '1 day',
                           date_trunc('hour', now()), interval '1 hour') AS h
     CROSS JOIN generate_series(0, %s) AS r
     CROSS JOIN unnest(ARRAY[2, 4, 5]) AS s
        ON CONFLICT DO NOTHING
"""


def main() -> None:
    (is_large,) = worker.read_question()
    clinic = Tenant.objects.get(slug="clinic-0")
    rights = {
        "superuser": {"is_superuser": True},
        "staff": {},
        "support": {"is_support": True},
    }
    cookies = {}
    for who, further in rights.items():
        user, _ = User.objects.get_or_create(
            email=f"home-{who}@example.org",
            defaults={"tenant": clinic, "is_staff": True, **further},
        )
        cookies[who] = cookie_of(user)
    with connection.cursor() as cursor:
        cursor.execute(REQUESTS, [len(BOUNDS) + 1, DAYS, ROUTES if is_large else 0])
        cursor.execute("ANALYZE api_traffic_hours")
    worker.answer(cookies, ANSWER)


if __name__ == "__main__":
    main()
