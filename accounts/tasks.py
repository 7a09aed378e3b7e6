"""Work for later."""

import datetime as dt

from celery import shared_task
from django.utils import timezone

from accounts.models import LoginThrottle, RefreshFamily, RefreshToken
from core import gate

KEPT_AFTER_EXPIRY = dt.timedelta(days=7)


@shared_task
def delete_expired_tokens() -> int:
    """Delete what cannot be used any more: for the system, as tokens belong to everybody.

    A used token stays until it would have expired, so that its reuse is noticed.
    """
    now = timezone.now()
    with gate.as_system():
        count, _ = RefreshToken.objects.filter(expires_at__lt=now - KEPT_AFTER_EXPIRY).delete()
        RefreshFamily.objects.filter(tokens=None, created_at__lt=now - KEPT_AFTER_EXPIRY).delete()
        LoginThrottle.objects.filter(window_ends_at__lt=now).delete()
    return count
