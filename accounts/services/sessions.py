"""Tokens: given, exchanged, ended."""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from accounts import throttle, tokens
from accounts.models import RefreshFamily, RefreshToken, User
from accounts.services.entering import WRONG, Account, WrongCredentials, account_of, locked_user
from accounts.services.passwords import new_password
from accounts.services.recording import acting_as, record_of_account
from audit import services as audit
from audit.types import Category, Outcome
from core import gate
from core.errors import DomainError, FieldError
from core.gate import Person
from ratelimits.types import Scope


class RefreshRefused(DomainError):
    status = 401
    code = "refresh-token-invalid"


class WrongPassword(DomainError):
    status = 403
    code = "wrong-password"

    @classmethod
    def of_current(cls) -> "WrongPassword":
        detail = "current_password: is wrong."
        return cls(detail, [FieldError(detail, pointer="/current_password")])


@dataclass(frozen=True)
class Session:
    """A pair of tokens (RFC 6749, 5.1); lives in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


def start_session(*, account: Account, now: dt.datetime) -> Session:
    with gate.as_system():
        user = locked_user(account.user_id)
        if user is None or user.tokens_valid_from > account.authenticated_at:
            raise WrongCredentials(WRONG)
        begin = max(now, account.authenticated_at)
        family = RefreshFamily.objects.create(
            tenant_id=account.tenant_id, user_id=account.user_id, created_at=begin
        )
        return _issue(family, begin)


def refresh_session(*, token: str, now: dt.datetime) -> Session:
    """Exchange a refresh token for a new pair; a token used a second time ends its family."""
    with gate.as_system():
        family = _locked_family(token)
        if family and family.revoked_at is None and _may_refresh(family.user_id):
            # The condition and the change are one statement, so that one of two callers wins.
            used = RefreshToken.objects.filter(
                token_hash=tokens.digest(token), used_at=None, expires_at__gt=now
            ).update(used_at=now)
            if used:
                return _issue(family, max(now, family.created_at))
            _revoke([family.id], "reuse", now)
            _record_of_family("refresh-token-reused", family, Outcome.FAILURE)
    raise RefreshRefused("The refresh token is not valid any more. Log in again.")


def revoke_session(*, token: str, now: dt.datetime) -> None:
    """End the session of a refresh token (RFC 7009: an unknown token is no error)."""
    with gate.as_system():
        family = _locked_family(token)
        if family and family.revoked_at is None:
            _revoke([family.id], "logged out", now)
            _record_of_family("log-out", family)


def change_password(*, person: Person, current: str, new: str, now: dt.datetime) -> Session:
    """Set a new password, end every session and token of the person, and start a new one.

    An account that never had a password (an old client's) sets its first one without.
    """
    throttle.count([(f"password:{person.id}", Scope.PASSWORD)])
    with gate.as_system():
        user = User.objects.get(id=person.id)
    if user.has_usable_password() and not check_password(current, user.password):
        with acting_as(user.id), gate.as_system():
            record_of_account("password-changed", user, outcome=Outcome.FAILURE)
        raise WrongPassword.of_current()
    hashed = make_password(new_password(new, user, "new_password"))
    with acting_as(user.id), gate.as_system():
        locked = locked_user(person.id)
        if locked is None or locked.password != user.password:
            # It was changed while this one was being looked at.
            raise WrongPassword.of_current()
        User.objects.filter(id=person.id).update(password=hashed)
        record_of_account("password-changed", locked)
        end_sessions(user_id=person.id, reason="password changed", now=now)
        account = account_of(locked.email, now)
    return start_session(account=account, now=now)


@transaction.atomic
def set_active(*, user_ids: Iterable[uuid.UUID], is_active: bool, now: dt.datetime) -> int:
    """Let people use the service, or no longer; then their sessions end for good."""
    users = User.objects.filter(id__in=list(user_ids)).exclude(is_active=is_active)
    changed = list(users.values_list("id", flat=True))
    for user_id in changed if not is_active else ():
        end_sessions(user_id=user_id, reason="deactivated", now=now)
    return User.objects.filter(id__in=changed).update(is_active=is_active)


@transaction.atomic
def end_sessions(*, user_id: uuid.UUID, reason: str, now: dt.datetime) -> None:
    """Refuse every token that a person has now.

    Tokens tell whole seconds: all of the running second are refused, and those of a log-in that
    a server with a faster clock has let in.
    """
    users = User.objects.select_for_update(no_key=True).only("last_login", "tenant_id")
    user = users.get(id=user_id)
    latest = max(now, user.last_login or now)
    user.tokens_valid_from = latest.replace(microsecond=0) + dt.timedelta(seconds=1)
    user.save(update_fields=["tokens_valid_from"])
    families = RefreshFamily.objects.filter(user_id=user_id, revoked_at=None)
    _revoke(families.values_list("id", flat=True), reason, now)
    record_of_account("sessions-ended", user, details={"reason": reason})


def _record_of_family(
    event: str, family: RefreshFamily, outcome: Outcome = Outcome.SUCCESS
) -> None:
    audit.record(
        event=event,
        category=Category.SECURITY,
        subject_id=family.user_id,
        object_type="refresh_families",
        object_id=family.id,
        outcome=outcome,
        tenant_id=family.tenant_id,
    )


def _issue(family: RefreshFamily, now: dt.datetime) -> Session:
    refresh = tokens.new_refresh_token()
    RefreshToken.objects.create(
        tenant_id=family.tenant_id,
        user_id=family.user_id,
        family=family,
        token_hash=tokens.digest(refresh),
        created_at=now,
        expires_at=now + tokens.REFRESH_LIFE,
    )
    access = tokens.access_token(user_id=family.user_id, family_id=family.id, now=now)
    return Session(access, refresh, int(tokens.ACCESS_LIFE.total_seconds()))


def _locked_family(token: str) -> RefreshFamily | None:
    families = RefreshFamily.objects.select_for_update(of=("self",))
    return families.filter(tokens__token_hash=tokens.digest(token)).first()


def _may_refresh(user_id: uuid.UUID) -> bool:
    return User.objects.filter(id=user_id, is_active=True, tenant__is_active=True).exists()


def _revoke(family_ids: Iterable[uuid.UUID], reason: str, now: dt.datetime) -> None:
    RefreshFamily.objects.filter(id__in=list(family_ids), revoked_at=None).update(
        revoked_at=now, revoke_reason=reason
    )
