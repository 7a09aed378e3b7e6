"""Sign staff of the first clinic and a superuser in; give their cookies and what to look at."""

from importlib import import_module

from tests.benchmarks import worker

ANSWER = worker.set_django_up()

from django.conf import settings  # noqa: E402  After Django is set up.
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402

from accounts.models import User  # noqa: E402
from documents.models import Document  # noqa: E402


def main() -> None:
    worker.read_question()
    staff = User.objects.get(email="staff-0@example.org")
    superuser, _ = User.objects.get_or_create(
        email="superuser@example.org",
        defaults={"tenant": staff.tenant, "is_staff": True, "is_superuser": True},
    )
    failed = Document.objects.filter(tenant=staff.tenant, status="failed").latest("failed_at")
    cookies = {"staff": cookie_of(staff), "superuser": cookie_of(superuser)}
    worker.answer((cookies, str(failed.id)), ANSWER)


def cookie_of(user: User) -> str:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


if __name__ == "__main__":
    main()
