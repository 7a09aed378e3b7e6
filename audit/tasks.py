"""Work for later. Rows are the truth: what a lost task should have done, the next one does."""

from celery import shared_task
from django.utils import timezone

from audit import alerting, checkpoints, mailing, pruning, sealing
from core import gate


@shared_task
def seal() -> int:
    """Hang what was written into the chains."""
    return sealing.seal()


@shared_task
def write_checkpoint() -> int:
    """Sign the chains that have grown, and copy checkpoints into the mirror."""
    checkpoints.write(now=timezone.now())
    return checkpoints.mirror()


@shared_task
def prune() -> int:
    """Delete entries that have been kept for long enough."""
    return pruning.prune()


@shared_task
def look_for_alerts() -> int:
    """Look at what is new in the log; safe to run twice, also at the same time."""
    with gate.as_system():
        return alerting.look(timezone.now())


@shared_task
def send_alert_mails() -> int:
    """Tell people of alerts. Each is claimed first, so that two runs send it once."""
    return mailing.send_due(timezone.now())
