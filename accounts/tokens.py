"""Tokens: signed bearer tokens of both versions, opaque refresh tokens, and keys of servers."""

import datetime as dt
import hashlib
import re
import secrets
import string
import uuid
import zlib
from typing import Final

import jwt
from django.conf import settings

ALGORITHM: Final = "HS256"
V1_LIFE: Final = dt.timedelta(days=30)
ACCESS_LIFE: Final = dt.timedelta(minutes=15)
REFRESH_LIFE: Final = dt.timedelta(days=60)

API_KEY_START: Final = "nvk_"
API_KEY: Final = re.compile(API_KEY_START + r"[0-9a-z]{8}_[0-9A-Za-z]{49}")
API_KEY_LETTERS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_LETTERS: Final = 43
CHECKSUM_LETTERS: Final = 6


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


def new_api_key() -> str:
    """Make a key of a server: what people see of it, 256 random bits, and a checksum.

    By its form a scanner finds one that was published; by the checksum, without asking anybody,
    one that was mistyped.
    """
    name = _random_letters(string.digits + string.ascii_lowercase, 8)
    unchecked = f"{API_KEY_START}{name}_{_random_letters(API_KEY_LETTERS, SECRET_LETTERS)}"
    return unchecked + _checksum(unchecked)


def is_api_key(text: str) -> bool:
    """Tell whether a text has the form and the checksum of a key; it may be of no server."""
    if not API_KEY.fullmatch(text):
        return False
    return _checksum(text[:-CHECKSUM_LETTERS]) == text[-CHECKSUM_LETTERS:]


def api_key_prefix(key: str) -> str:
    """Give the part of a key that people may see."""
    return key[: len(API_KEY_START) + 8]


def api_key_hash(key: str) -> str:
    """What the database keeps of a key: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def _random_letters(letters: str, count: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(count))


def _checksum(text: str) -> str:
    rest, letters = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM_LETTERS):
        rest, letter = divmod(rest, len(API_KEY_LETTERS))
        letters = API_KEY_LETTERS[letter] + letters
    return letters
