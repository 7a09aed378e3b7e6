"""Bearer tokens (RFC 6750): from the Authorization header to a person inside the gate."""

import math
import time
import uuid
from functools import lru_cache
from typing import Any

import jwt
from django.conf import settings
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import tokens
from core import gate, origin
from core.errors import DomainError

ALGORITHM = "HS256"
# How far, in seconds, the clock of another issuer of tokens may be ahead.
CLOCKS_APART = 300


class TokenMissing(DomainError):
    status = 401
    code = "token-missing"


class TokenInvalid(DomainError):
    status = 401
    code = "token-invalid"


@lru_cache(maxsize=10_000)
def verify(token: str) -> tuple[gate.Claims, float]:
    """Check a token's signature and claims; the caller checks the expiry again at each use.

    Tokens of both versions are accepted by both: V1 tokens hold {id or userId, email} or only
    {email}; V2 tokens hold {sub, sid}. The cache keeps verified tokens only, in this process.
    """
    payload: dict[str, Any] = jwt.decode(
        token,
        settings.JWT_SECRET,
        algorithms=[ALGORITHM],
        options={"require": ["exp"], "verify_aud": False, "verify_iat": False},
    )
    email, session_id = payload.get("email"), payload.get("sid")
    user_id = own_id(payload.get("sub") or payload.get("id") or payload.get("userId"), email)
    if not (user_id or email) or not is_plain(email or ""):
        raise jwt.InvalidTokenError
    claims = gate.Claims(
        user_id=user_id,
        email=str(email) if email else None,
        session_id=str(uuid.UUID(str(session_id))) if session_id else None,
        issued_at=issue_time(payload.get("iat")),
    )
    return claims, float(payload["exp"])


def own_id(sent: Any, email: Any) -> str | None:
    """Read the person's id. The oldest servers had ids that are no UUIDs, beside the address."""
    try:
        return str(uuid.UUID(str(sent))) if sent else None
    except ValueError:
        if email:
            return None
        raise


def issue_time(sent: Any) -> float | None:
    """Read `iat`. One that lies ahead would outlive the end of all sessions."""
    if sent is None:
        return None
    issued_at = float(sent)
    if not math.isfinite(issued_at) or issued_at > time.time() + CLOCKS_APART:
        raise jwt.ImmatureSignatureError
    return issued_at


def is_plain(text: Any) -> bool:
    """Tell whether the database can compare with it: no NUL, no half surrogates."""
    return isinstance(text, str) and text.isprintable()


class BearerAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[gate.Person, gate.Claims]:
        claims = self.claims(request.META.get("HTTP_AUTHORIZATION"))
        person = gate.enter(claims)
        if person is None:
            raise TokenInvalid("Invalid or expired token")
        origin.caller.set(str(person.id))
        return person, claims

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    @staticmethod
    def claims(header: str | None) -> gate.Claims:
        """Read the second word of the header; the old service did not look at the first."""
        words = (header or "").split()
        if len(words) < 2:  # noqa: PLR2004
            raise TokenMissing("Access token required")
        try:
            claims, expires_at = verify(words[1])
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise TokenInvalid("Invalid or expired token") from error
        if expires_at <= time.time():
            raise TokenInvalid("Invalid or expired token")
        origin.caller.set(claims.user_id)
        return claims


def api_key_of(request: HttpRequest | Request) -> str | None:
    """Read the key of a server: `X-API-Key`, or a bearer token that has the form of one."""
    if key := request.META.get("HTTP_X_API_KEY", "").strip():
        return str(key)
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    key = token.strip()
    is_key = scheme.lower() == "bearer" and key.startswith(tokens.API_KEY_START)
    return str(key) if is_key else None
