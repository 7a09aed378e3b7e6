"""Tells people of alerts by e-mail: once at most, and what went wrong stays to be seen.

An alert is claimed before its mail is sent. A failure after which the mail server certainly has
no mail gives the claim back for another try; after any other one nobody knows, and it is not sent
again. Texts hold no health data and nobody's address: they tell that there is an alert, and where.
"""

import datetime as dt
import logging
import smtplib
import uuid
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction

from audit.models import AuditAlert, AuditAlertRule
from audit.types import Severity

log = logging.getLogger("novara.audit")

# After a failure; the last try is the one after these.
WAITS: Final = tuple(dt.timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
# The server answered that it does not take the mail.
REFUSED: Final = (
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPSenderRefused,
    smtplib.SMTPDataError,
    smtplib.SMTPNotSupportedError,
)
UNCLEAR: Final = "It may have been sent, or not: the connection was lost meanwhile."
PORTION: Final = 20


class NotSent(Exception):
    """The mail server certainly does not have the mail."""


def send_due(now: dt.datetime) -> int:
    """Send what is due; an alert has its own transaction, so that none waits for another."""
    sent = 0
    for _ in range(PORTION):
        alert = _claim(now)
        if alert is None:
            break
        sent += _send(alert, now)
    return sent


def _claim(now: dt.datetime) -> AuditAlert | None:
    with transaction.atomic():
        due = AuditAlert.objects.filter(mail_due_at__lte=now).order_by("mail_due_at")
        alert = due.select_for_update(skip_locked=True, no_key=True).first()
        if alert is None:
            return None
        alert.mail_due_at, alert.mail_claimed_at = None, now
        alert.mail_attempts += 1
        alert.save(update_fields=["mail_due_at", "mail_claimed_at", "mail_attempts"])
        return alert


def _send(alert: AuditAlert, now: dt.datetime) -> bool:
    rule = AuditAlertRule.objects.filter(id=alert.rule_id).first()
    addresses = rule.notify if rule else []
    if not addresses:
        _note(alert, mail_claimed_at=None, mail_error="")
        return False
    try:
        _hand_over(_message(alert, addresses))
    except NotSent as failure:
        _try_again(alert, now, str(failure))
        return False
    except (smtplib.SMTPException, OSError):
        log.exception("an alert's mail is unclear", extra={"alert": str(alert.id)})
        _note(alert, mail_error=UNCLEAR)
        return False
    _note(alert, notified_at=now, mail_error="")
    return True


def _hand_over(message: EmailMessage) -> None:
    """Connect first: what fails there has sent nothing."""
    server = get_connection()
    try:
        server.open()
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"The mail server does not let us in ({type(error).__name__}).") from error
    try:
        server.send_messages([message])
    except REFUSED as error:
        raise NotSent(f"The mail server refused it ({type(error).__name__}).") from error
    finally:
        server.close()


def _try_again(alert: AuditAlert, now: dt.datetime, why: str) -> None:
    log.warning("an alert's mail was not sent", extra={"alert": str(alert.id)})
    is_last = alert.mail_attempts > len(WAITS)
    due = None if is_last else now + WAITS[alert.mail_attempts - 1]
    _note(alert, mail_due_at=due, mail_claimed_at=None, mail_error=why)


def _note(alert: AuditAlert, **facts: object) -> None:
    AuditAlert.objects.filter(id=alert.id).update(**facts)


def _message(alert: AuditAlert, addresses: list[str]) -> EmailMessage:
    text = (
        f"{Severity(alert.severity).label}: {alert.rule_name}.\n\n"
        f"First at {alert.first_at:%Y-%m-%d %H:%M} UTC, {alert.entry_count} entries so far.\n"
        f"{where(alert.id)}\n\n"
        "There is one mail for each alert. It is not sent again while the alert goes on.\n"
    )
    return EmailMessage(
        subject=f"Novara: {alert.rule_name}",
        body=text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=addresses,
        # The same for each try, so that programs of mail know the same mail again.
        headers={
            "Message-ID": f"<alert-{alert.id}@{_domain()}>",
            "Auto-Submitted": "auto-generated",
        },
    )


def where(alert_id: uuid.UUID) -> str:
    if not settings.PUBLIC_URL:
        return "Open the console, Alerts."
    return f"{settings.PUBLIC_URL}/admin/audit/auditalert/{alert_id}/change/"


def _domain() -> str:
    return str(settings.DEFAULT_FROM_EMAIL).rpartition("@")[2].strip("> ") or "novara.invalid"
