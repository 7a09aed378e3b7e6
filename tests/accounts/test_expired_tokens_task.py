"""The task that deletes refresh tokens nobody can use any more."""

import datetime as dt

from django.utils import timezone

from accounts import services
from accounts.models import LoginThrottle, RefreshFamily, RefreshToken
from accounts.services import Account
from accounts.tasks import delete_expired_tokens
from tests.factories import make_user


def test_deletes_the_expired_and_keeps_the_rest(db):
    now = timezone.now()
    person = make_user(tokens_valid_from=now - dt.timedelta(days=90))
    _, fresh = [
        services.start_session(
            account=Account(person.id, person.tenant_id, person.email, {}, then), now=then
        )
        for then in (now - dt.timedelta(days=80), now)
    ]
    LoginThrottle.objects.create(
        key_digest=b"old", attempt_count=3, window_ends_at=now - dt.timedelta(minutes=1)
    )

    deleted = delete_expired_tokens()

    assert deleted == 1
    assert RefreshToken.objects.filter(user=person).count() == 1
    assert RefreshFamily.objects.filter(user=person).count() == 1
    assert not LoginThrottle.objects.filter(key_digest=b"old").exists()
    assert services.refresh_session(token=fresh.refresh_token, now=now).expires_in > 0
