"""What can be done with accounts: sign up, log in, tokens, the profile, erasure."""

import dataclasses
import datetime as dt
import logging
import re
import uuid
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import password_validation
from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Q

from accounts import imports, queries, throttle, tokens
from accounts.models import ApiKey, RefreshFamily, RefreshToken, Tenant, User, UserProfile
from accounts.types import CYCLE_STAGES, MEDICATION_STATUS_OF_STAGE, MEDICATION_STATUSES
from audit import services as audit
from audit.types import Category, Outcome
from core import gate, origin
from core.depth import check_depth
from core.errors import DomainError, FieldError, InvalidInput
from core.gate import Person
from core.times import check_zone
from ratelimits.types import Scope

log = logging.getLogger("novara.accounts")

FIRST_TENANT: Final = "novara"

KEY_USE_NOTED_EVERY: Final = dt.timedelta(minutes=1)

LONGEST_PASSWORD: Final = 1024
LONGEST_TEXT: Final = 10_000
LARGEST_EXTRA: Final = 64 * 1024

SCORES: Final = ("confidence_meds", "confidence_costs", "confidence_overall")
TEXTS: Final = ("primary_need", "cycle_stage", "top_concern", "medication_status")
FLAGS: Final = ("email_opt_in", "baseline_completed")
ONBOARDING_PATHS: Final = ("control", "test")

# Keys of an account that nobody sets through a profile.
NOT_EXTRA: Final = frozenset(
    {
        *("id", "user_id", "userId", "tenant_id", "email", "password", "token", "status"),
        *("created_at", "updated_at", "cycle_stage_updated", "medication_status_updated"),
        *("is_staff", "is_superuser", "is_active", "success", "onboarding_path"),
    }
)


class EmailTaken(DomainError):
    status = 409
    code = "email-taken"


class WrongCredentials(DomainError):
    status = 401
    code = "wrong-credentials"


class UnknownUser(DomainError):
    status = 404
    code = "user-not-found"


class RefreshRefused(DomainError):
    status = 401
    code = "refresh-token-invalid"


class TokenRefused(DomainError):
    status = 401
    code = "token-invalid"


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


@dataclass(frozen=True)
class Session:
    """A pair of tokens (RFC 6749, 5.1); lives in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


# Sign-up and log-in: nobody is known yet, so these open system work themselves.


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
    fields, extra = _profile_changes(profile, now)
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
        user.password = make_password(_new_password(password, user))
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
        return _account(given, now)


def legacy_sign_up(
    *, email: object, password: object, profile: dict[str, Any], address: str, now: dt.datetime
) -> Account:
    """Sign up as in the old service, which had no passwords and took whatever came as one.

    While an e-mail address alone logs in, a password that is not good enough counts as none.
    """
    if settings.LEGACY_PASSWORDLESS_LOGIN and not _is_good(password):
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
    if not _matches(password, stored) or user is None:
        record_refused_log_in(given)
        raise WrongCredentials(WRONG)
    with _acting_as(user.id), gate.as_system():
        current = _locked_user(user.id)
        if current is None or current.password != stored:
            # It was changed while this one was being looked at.
            raise WrongCredentials(WRONG)
        current.last_login = max(now, current.last_login or now)
        current.save(update_fields=["last_login"])
        record_of_account("log-in", current, details={"by": "password"})
        account = _account(given, now)
    attempt.succeed()
    return account


WRONG: Final = "The e-mail address or the password is wrong."


def record_refused_log_in(email: str) -> None:
    """Write that a log-in was refused, in a transaction of its own: what refuses it is rolled back.

    Of an address without an account nothing is told but a mark by which tries can be counted.
    """
    with gate.as_system():
        user = User.objects.filter(email=email).only("id", "tenant_id").first()
        audit.record(
            event="log-in",
            category=Category.SECURITY,
            subject_id=user.id if user else None,
            object_type="users",
            object_id=user.id if user else audit.mark(email),
            outcome=Outcome.FAILURE,
            tenant_id=user.tenant_id if user else None,
        )


def record_of_account(
    event: str,
    user: User,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    details: dict[str, Any] | None = None,
) -> None:
    """Write what was done with an account, in the running transaction."""
    audit.record(
        event=event,
        category=Category.SECURITY,
        subject_id=user.id,
        object_type="users",
        object_id=user.id,
        outcome=outcome,
        details=details,
        tenant_id=user.tenant_id,
    )


def _acting_as(user_id: uuid.UUID) -> AbstractContextManager[None]:
    """Whoever has just proved who they are does what follows."""
    came_in = origin.current.get() or origin.Origin()
    return origin.acting(dataclasses.replace(came_in, kind="person", actor_id=str(user_id)))


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
    with _acting_as(user.id), gate.as_system():
        account = _account(given, now)
        record_of_account("log-in", user, details={"by": "address alone"})
    throttle.take_back(by_address)
    return account


def legacy_log_in(*, email: object, password: object, address: str, now: dt.datetime) -> Account:
    if settings.LEGACY_PASSWORDLESS_LOGIN:
        return log_in_without_password(email=email, address=address, now=now)
    return log_in(email=email, password=password, address=address, now=now)


# Sessions of V2


def start_session(*, account: Account, now: dt.datetime) -> Session:
    with gate.as_system():
        user = _locked_user(account.user_id)
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


def change_password(*, person: Person, current: str, new: str, now: dt.datetime) -> Session:
    """Set a new password, end every session and token of the person, and start a new one.

    An account that never had a password (an old client's) sets its first one without.
    """
    throttle.count([(f"password:{person.id}", Scope.PASSWORD)])
    with gate.as_system():
        user = User.objects.get(id=person.id)
    if user.has_usable_password() and not _matches(current, user.password):
        with _acting_as(user.id), gate.as_system():
            record_of_account("password-changed", user, outcome=Outcome.FAILURE)
        raise WrongPassword.of_current()
    hashed = make_password(_new_password(new, user, "new_password"))
    with _acting_as(user.id), gate.as_system():
        locked = _locked_user(person.id)
        if locked is None or locked.password != user.password:
            # It was changed while this one was being looked at.
            raise WrongPassword.of_current()
        User.objects.filter(id=person.id).update(password=hashed)
        record_of_account("password-changed", locked)
        end_sessions(user_id=person.id, reason="password changed", now=now)
        account = _account(locked.email, now)
    return start_session(account=account, now=now)


class WrongPassword(DomainError):
    status = 403
    code = "wrong-password"

    @classmethod
    def of_current(cls) -> "WrongPassword":
        detail = "current_password: is wrong."
        return cls(detail, [FieldError(detail, pointer="/current_password")])


def authenticate_again(claims: gate.Claims) -> Person:
    """Find the person of a token for work that cannot run inside the gate."""
    with gate.unit_of_work():
        person = gate.enter(claims)
    if person is None:
        raise TokenRefused("Invalid or expired token")
    return person


def authenticate_staff(claims: gate.Claims) -> Person:
    """Find the person of a token, who must be staff; the API's role can't see who is."""
    person = authenticate_again(claims)
    with gate.as_system():
        if User.objects.filter(id=person.id, is_staff=True).exists():
            return person
    raise StaffOnly("This is for staff. Ask whoever runs your clinic's console.")


class StaffOnly(DomainError):
    status = 403
    code = "staff-only"


# The profile: inside the gate


def update_profile(*, person: Person, changes: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    """Merge what is sent into the profile; keys without a column are kept in `extra`."""
    fields, extra = _profile_changes(changes, now)
    profile = UserProfile.objects.select_for_update().get(user_id=person.id)
    for name, value in fields.items():
        setattr(profile, name, value)
    profile.extra = _checked_extra(profile.extra | extra)
    profile.save(update_fields=[*fields, "extra", "updated_at"])
    return queries.profile(person.id)


def update_baseline(*, person: Person, answers: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    """Record the onboarding's answers: the three scores are required, and it is complete."""
    for score in SCORES:
        if score not in answers:
            raise InvalidInput.at(f"/{score}", f"{score}: is required, from 1 to 10.")
    return update_profile(person=person, changes={**answers, "baseline_completed": True}, now=now)


def update_cycle_stage(*, person: Person, stage: object, now: dt.datetime) -> dict[str, Any]:
    if stage not in CYCLE_STAGES:
        choices = ", ".join(CYCLE_STAGES)
        raise InvalidInput.at("/cycle_stage", f"cycle_stage: must be one of {choices}.")
    return update_profile(person=person, changes={"cycle_stage": stage}, now=now)


def update_medication_status(
    *, person: Person, medication_status: object, now: dt.datetime
) -> dict[str, Any]:
    if medication_status not in MEDICATION_STATUSES:
        choices = ", ".join(MEDICATION_STATUSES)
        detail = f"medication_status: must be one of {choices}."
        raise InvalidInput.at("/medication_status", detail)
    changes = {"medication_status": medication_status}
    return update_profile(person=person, changes=changes, now=now)


def derived_medication_status(stage: str) -> str | None:
    return MEDICATION_STATUS_OF_STAGE.get(stage)


# Erasure


class NotErasable(DomainError):
    status = 409
    code = "not-erasable"


class LegalHold(DomainError):
    status = 409
    code = "legal-hold"


@transaction.atomic
def erase_person(*, user_id: uuid.UUID, requested_by: str, reason: str) -> uuid.UUID:
    """Erase everything of a person, and give the id of the certificate that is left."""
    user = User.objects.filter(id=user_id).first()
    if user is None:
        raise UnknownUser("There is no person with this id.")
    if user.is_staff or user.is_superuser:
        raise NotErasable("Take the staff rights away first; then the person can be erased.")
    if LogEntry.objects.filter(user_id=user_id).exists():
        raise NotErasable("The console's log names this person as the author of entries.")
    certificate_id = _erase(user_id, requested_by, reason)
    if certificate_id is None:  # Somebody else was faster.
        raise UnknownUser("There is no person with this id.")
    # After the erasure, which takes what entries before it say.
    record_of_account("person-erased", user, details={"certificate": certificate_id})
    return certificate_id


def _erase(user_id: uuid.UUID, requested_by: str, reason: str) -> uuid.UUID | None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT erase_person(%s, %s, %s)", [user_id, requested_by, reason])
            certificate_id: uuid.UUID | None = cursor.fetchone()[0]
    except IntegrityError as error:
        cause: Any = error.__cause__
        if cause.diag.constraint_name != "legal_hold":
            raise
        raise LegalHold(
            "A legal hold stands on this person or their clinic, so nothing of them may be erased."
            " Release it in the console, under Legal holds, and erase the person then."
        ) from error
    return certificate_id


def _account(email: str, now: dt.datetime) -> Account:
    user = User.objects.get(email=email)
    fields = queries.user_fields(
        {name: getattr(user, name) for name in queries.SHOWN}, user.profile
    )
    # Sessions that were ended a moment ago end with the running second.
    at = max(now, user.tokens_valid_from)
    return Account(user.id, user.tenant_id, email, fields, authenticated_at=at)


def _locked_user(user_id: uuid.UUID) -> User | None:
    """Lock an account that may be used: log-ins, and what ends sessions, go one by one."""
    users = User.objects.select_for_update(of=("self",), no_key=True)
    return users.filter(id=user_id, is_active=True, tenant__is_active=True).first()


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


ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def _email(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput.at("/email", "email: is required.")
    email = value.strip().lower()
    # The old service's rule: its people have addresses that stricter ones refuse.
    is_address = ADDRESS.fullmatch(email) and email.isprintable()
    if not is_address or len(email) > 254:  # noqa: PLR2004  RFC 5321
        raise InvalidInput.at("/email", "email: is not a valid e-mail address.")
    return email


def _new_password(value: object, user: User, field: str = "password") -> str:
    if not isinstance(value, str) or len(value) > LONGEST_PASSWORD:
        detail = f"{field}: must be a text of at most {LONGEST_PASSWORD} characters."
        raise InvalidInput.at(f"/{field}", detail)
    try:
        password_validation.validate_password(value, user)
    except ValidationError as error:
        errors = [FieldError(message, pointer=f"/{field}") for message in error.messages]
        raise InvalidInput(f"{field}: {' '.join(error.messages)}", errors) from error
    return value


def _is_good(password: object) -> bool:
    try:
        _new_password(password, User())
    except InvalidInput:
        return False
    return True


def _matches(password: str, stored: str) -> bool:
    return check_password(password, stored)


def _profile_changes(
    sent: dict[str, Any], now: dt.datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part what is sent into checked columns and further answers, kept word for word."""
    fields = {name: CHECKS[name](name, value) for name, value in sent.items() if name in CHECKS}
    known = CHECKS.keys() | NOT_EXTRA
    extra = _checked_extra({name: value for name, value in sent.items() if name not in known})
    if "cycle_stage" in fields:
        fields["cycle_stage_updated"] = now
    if "medication_status" in fields:
        fields["medication_status_updated"] = now
    return fields, extra


def _checked_extra(extra: dict[str, Any]) -> dict[str, Any]:
    for name, value in extra.items():
        check_depth(value, f"/{name}")
    if len(msgspec.json.encode(extra)) > LARGEST_EXTRA:
        detail = f"Further answers have at most {LARGEST_EXTRA // 1024} KB together."
        raise InvalidInput.at("", detail)
    return extra


def _score(name: str, value: object) -> int:
    if type(value) is not int or not 1 <= value <= 10:  # noqa: PLR2004
        raise InvalidInput.at(f"/{name}", f"{name}: must be a whole number from 1 to 10.")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput.at(f"/{name}", f"{name}: must be true or false.")
    return value


def _text(name: str, value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or len(value) > LONGEST_TEXT):
        detail = f"{name}: must be a text of at most {LONGEST_TEXT} characters."
        raise InvalidInput.at(f"/{name}", detail)
    return value


def _nickname(_name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value.strip()) > 50:  # noqa: PLR2004
        raise InvalidInput.at("/nickname", "nickname: must be a text of at most 50 characters.")
    return value.strip()


def _zone(_name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput.at("/timezone", "timezone: must be a text.")
    return check_zone(value, "/timezone")


CHECKS: Final[dict[str, Callable[[str, object], Any]]] = {
    **dict.fromkeys(SCORES, _score),
    **dict.fromkeys(FLAGS, _flag),
    **dict.fromkeys(TEXTS, _text),
    "nickname": _nickname,
    "timezone": _zone,
}


# The console


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


# Keys of servers


@transaction.atomic
def create_api_key(
    *,
    name: str,
    scopes: Iterable[str],
    tenant_id: uuid.UUID | None,
    environment: str,
    expires_at: dt.datetime | None,
    created_by_id: uuid.UUID | None,
) -> tuple[ApiKey, str]:
    """Make a key. What comes beside it is the key itself, which nobody can tell again."""
    secret = tokens.new_api_key()
    key = ApiKey.objects.create(
        name=name,
        prefix=tokens.api_key_prefix(secret),
        secret_hash=tokens.api_key_hash(secret),
        scopes=sorted(set(scopes)),
        tenant_id=tenant_id,
        environment=environment,
        expires_at=expires_at,
        created_by_id=created_by_id,
    )
    _record_of_key("api-key-created", key)
    return key, secret


@transaction.atomic
def revoke_api_key(*, key_id: uuid.UUID, now: dt.datetime) -> bool:
    """Refuse a key from now on; within seconds where it was found a moment ago.

    False if it was revoked before.
    """
    key = ApiKey.objects.select_for_update(of=("self",)).filter(id=key_id, revoked_at=None).first()
    if key is None:
        return False
    key.revoked_at = now
    key.save(update_fields=["revoked_at"])
    _record_of_key("api-key-revoked", key)
    return True


def _record_of_key(event: str, key: ApiKey) -> None:
    audit.record(
        event=event,
        category=Category.SECURITY,
        object_type="api_keys",
        object_id=key.id,
        tenant_id=key.tenant_id,
        details={"prefix": key.prefix, "scopes": key.scopes},
    )


# When this process last wrote down that a key was used.
_key_uses: Final[dict[uuid.UUID, dt.datetime]] = {}


def note_key_use(*, key_id: uuid.UUID, now: dt.datetime) -> None:
    """Write down that a key was used: at most once a minute, however many processes ask.

    Call it outside the gate. Without the database it is not written down, and nothing fails.
    """
    noted = _key_uses.get(key_id)
    if noted is not None and dt.timedelta(0) <= now - noted < KEY_USE_NOTED_EVERY:
        return
    _key_uses[key_id] = now
    is_due = Q(last_used_at=None) | Q(last_used_at__lte=now - KEY_USE_NOTED_EVERY)
    try:
        ApiKey.objects.filter(is_due, id=key_id).update(last_used_at=now)
    except (OperationalError, InterfaceError):
        log.warning("The use of an API key could not be written down.", exc_info=True)


# From the old service


def import_account(**account: Any) -> None:
    """Bring an account over with its id and dates; see accounts.imports.add."""
    imports.add(**account)


def change_imported_account(**account: Any) -> None:
    """Bring an account up to date with the old service; see accounts.imports.change."""
    imports.change(**account)
