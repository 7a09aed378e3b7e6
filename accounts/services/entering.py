"""Sign-up and log-in: nobody is known yet, so these open system work themselves."""

import datetime as dt
import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password

from accounts import queries, throttle
from accounts.models import Tenant, User, UserProfile
from accounts.services.passwords import LONGEST_PASSWORD, is_good, new_password
from accounts.services.profiles import SCORES, profile_changes
from accounts.services.recording import acting_as, record_of_account, record_refused_log_in
from core import gate
from core.errors import DomainError, FieldError, InvalidInput
from ratelimits.types import Scope

FIRST_TENANT: Final = "novara"
ONBOARDING_PATHS: Final = ("control", "test")
WRONG: Final = "The e-mail address or the password is wrong."
ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


class EmailTaken(DomainError):
    status = 409
    code = "email-taken"


class WrongCredentials(DomainError):
    status = 401
    code = "wrong-credentials"


class UnknownUser(DomainError):
    status = 404
    code = "user-not-found"


@dataclass(frozen=True)
class Account:
    """A person who has just proved who they are, with what the old service tells of them.

    `authenticated_at` goes into their tokens: whatever ended the account's sessions since then
    ends these tokens too.
    """

    user_id: uuid.UUID
    tenant_id: uuid.UUID
    email: str
    fields: dict[str, Any]
    authenticated_at: dt.datetime


def sign_up(
    *,
    email: object,
    password: object = None,
    profile: dict[str, Any],
    address: str,
    now: dt.datetime,
) -> Account:
    """Make an account in the first tenant. Without a password nobody can log in with one.

    Each attempt counts: whoever tries many e-mail addresses learns whose accounts there are.
    """
    if settings.RATE_LIMITS:
        throttle.count([(f"sign-up:{throttle.network(address)}", Scope.SIGN_UP_NETWORK)])
    given = _email(email)
    fields, extra = profile_changes(profile, now)
    if not fields.get("nickname"):
        fields["nickname"] = "User" if profile.get("nickname") == "" else given.split("@")[0][:50]
    if "baseline_completed" not in fields:
        fields["baseline_completed"] = bool(
            profile.get("nickname")
            and fields.get("primary_need")
            and fields.get("cycle_stage")
            and all(score in fields for score in SCORES)
        )
    path = profile.get("onboarding_path")
    fields["onboarding_path"] = path if path in ONBOARDING_PATHS else None
    user = User(email=given)
    if password is not None:
        user.password = make_password(new_password(password, user))
    else:
        user.set_unusable_password()
    with gate.as_system():
        user.tenant = Tenant.objects.get(slug=FIRST_TENANT)
        # Not a failing INSERT: the server would write the address into its own log.
        User.objects.bulk_create([user], ignore_conflicts=True)
        if not User.objects.filter(id=user.id).exists():
            detail = "email: an account with this e-mail address already exists."
            raise EmailTaken(detail, [FieldError(detail, pointer="/email")])
        UserProfile.objects.create(user=user, tenant=user.tenant, extra=extra, **fields)
        return account_of(given, now)


def legacy_sign_up(
    *, email: object, password: object, profile: dict[str, Any], address: str, now: dt.datetime
) -> Account:
    """Sign up as in the old service, which had no passwords and took whatever came as one.

    While an e-mail address alone logs in, a password that is not good enough counts as none.
    """
    if settings.LEGACY_PASSWORDLESS_LOGIN and not is_good(password):
        password = None
    return sign_up(email=email, password=password, profile=profile, address=address, now=now)


def log_in(*, email: object, password: object, address: str, now: dt.datetime) -> Account:
    """Check an e-mail address and a password; each attempt counts before it is looked at."""
    given = _email(email)
    if not isinstance(password, str) or not 0 < len(password) <= LONGEST_PASSWORD:
        detail = f"password: is required, of at most {LONGEST_PASSWORD} characters."
        raise InvalidInput.at("/password", detail)
    attempt = throttle.LogIn(given, address)
    attempt.count()
    with gate.as_system():
        user = User.objects.filter(email=given, is_active=True, tenant__is_active=True).first()
    # An unknown address costs the same time as a wrong password.
    stored = user.password if user else make_password(None)
    if not check_password(password, stored) or user is None:
        record_refused_log_in(given)
        raise WrongCredentials(WRONG)
    with acting_as(user.id), gate.as_system():
        current = locked_user(user.id)
        if current is None or current.password != stored:
            # It was changed while this one was being looked at.
            raise WrongCredentials(WRONG)
        current.last_login = max(now, current.last_login or now)
        current.save(update_fields=["last_login"])
        record_of_account("log-in", current, details={"by": "password"})
        account = account_of(given, now)
    attempt.succeed()
    return account


def log_in_without_password(*, email: object, address: str, now: dt.datetime) -> Account:
    """Log in as the old service did: whoever knows the address. See LEGACY_PASSWORDLESS_LOGIN."""
    given = _email(email)
    by_address = f"address:{throttle.network(address)}"
    throttle.count([(by_address, Scope.LOGIN_NETWORK)])
    with gate.as_system():
        user = User.objects.filter(email=given, is_active=True, tenant__is_active=True).first()
    if user is None:
        record_refused_log_in(given)
        raise UnknownUser("User not found. Please sign up first.")
    with acting_as(user.id), gate.as_system():
        account = account_of(given, now)
        record_of_account("log-in", user, details={"by": "address alone"})
    throttle.take_back(by_address)
    return account


def legacy_log_in(*, email: object, password: object, address: str, now: dt.datetime) -> Account:
    if settings.LEGACY_PASSWORDLESS_LOGIN:
        return log_in_without_password(email=email, address=address, now=now)
    return log_in(email=email, password=password, address=address, now=now)


def account_of(email: str, now: dt.datetime) -> Account:
    user = User.objects.get(email=email)
    fields = queries.user_fields(
        {name: getattr(user, name) for name in queries.SHOWN}, user.profile
    )
    # Sessions that were ended a moment ago end with the running second.
    at = max(now, user.tokens_valid_from)
    return Account(user.id, user.tenant_id, email, fields, authenticated_at=at)


def locked_user(user_id: uuid.UUID) -> User | None:
    """Lock an account that may be used: log-ins, and what ends sessions, go one by one."""
    users = User.objects.select_for_update(of=("self",), no_key=True)
    return users.filter(id=user_id, is_active=True, tenant__is_active=True).first()


def _email(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput.at("/email", "email: is required.")
    email = value.strip().lower()
    # The old service's rule: its people have addresses that stricter ones refuse.
    is_address = ADDRESS.fullmatch(email) and email.isprintable()
    if not is_address or len(email) > 254:  # noqa: PLR2004  RFC 5321
        raise InvalidInput.at("/email", "email: is not a valid e-mail address.")
    return email
