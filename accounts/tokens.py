"""Tokens: signed bearer tokens of both versions, and opaque refresh tokens."""

import datetime as dt
import hashlib
import secrets
import uuid
from typing import Final

import jwt
from django.conf import settings

ALGORITHM: Final = "HS256"
V1_LIFE: Final = dt.timedelta(days=30)
ACCESS_LIFE: Final = dt.timedelta(minutes=15)
REFRESH_LIFE: Final = dt.timedelta(days=60)


def v1_token(*, user_id: uuid.UUID, email: str, nickname: str, now: dt.datetime) -> str:
    """Sign a token as the old service did; old clients decode it themselves."""
    claims = {
        "id": str(user_id),
        "email": email,
        "nickname": nickname,
        "iat": int(now.timestamp()),
        "exp": int((now + V1_LIFE).timestamp()),
    }
    return jwt.encode(claims, settings.JWT_SECRET, ALGORITHM)


def access_token(*, user_id: uuid.UUID, family_id: uuid.UUID, now: dt.datetime) -> str:
    claims = {
        "sub": str(user_id),
        "sid": str(family_id),
        "iat": int(now.timestamp()),
        "exp": int((now + ACCESS_LIFE).timestamp()),
    }
    return jwt.encode(claims, settings.JWT_SECRET, ALGORITHM)


def new_refresh_token() -> str:
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What the database keeps of a refresh token: random enough to need no salt."""
    return hashlib.sha256(token.encode()).digest()
