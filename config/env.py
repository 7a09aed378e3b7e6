"""Every variable of the environment, declared once: type, default, one line of help.

Values come from the environment; what is missing there is read from the file that
NOVARA_ENV_FILE names (default: .dev/run.env, written by the embedded servers' launcher).
"""

import os
import re
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent

env = environ.Env()
env_file = Path(os.environ.get("NOVARA_ENV_FILE", ROOT / ".dev" / "run.env"))
LINE = re.compile(r"\s*(#.*|(export\s+)?\w+\s*=.*)?\s*")
if env_file.is_file():
    # The library would skip a broken line, and show it in the log with the secret in it.
    for number, line in enumerate(env_file.read_text().splitlines(), 1):
        if not LINE.fullmatch(line):
            raise ImproperlyConfigured(f"{env_file}, line {number}: is not NAME=value.")
    environ.Env.read_env(env_file)


# In bytes; RFC 7518, 3.2: an HS256 key has at least 256 bits.
SHORTEST_SECRET = 32


def _required(name: str, advice: str) -> str:
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {advice}")
    return value


def _secret(name: str) -> str:
    value = _required(name, "Start with `make run`, which makes one, or set it yourself.")
    if len(value.encode()) < SHORTEST_SECRET:
        raise ImproperlyConfigured(
            f"{name} is too short: give it at least {SHORTEST_SECRET} characters."
        )
    return value


# Where the data is.
DATABASE_URL = _required("DATABASE_URL", "Start the embedded server with `make up`.")
REDIS_URL = _required("REDIS_URL", "Start the embedded server with `make up`.")
# False behind a pooler that cannot keep prepared statements (PgBouncer before 1.21).
DATABASE_PREPARED_STATEMENTS: bool = env.bool("DATABASE_PREPARED_STATEMENTS", default=True)

# Signs sessions and forms of the admin.
SECRET_KEY = _secret("SECRET_KEY")
# Signs the bearer tokens of both API versions; old clients' scripts share it.
JWT_SECRET = _secret("JWT_SECRET")

DEBUG: bool = env.bool("DEBUG", default=False)
# Host names the server answers to, separated by commas.
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
# True when a proxy in front speaks https and sets X-Forwarded-Proto.
BEHIND_HTTPS: bool = env.bool("BEHIND_HTTPS", default=False)
# How many proxies of our own stand in front and append to X-Forwarded-For.
TRUSTED_PROXIES: int = env.int("TRUSTED_PROXIES", default=0)
# Browser origins that may call the API, separated by commas, beside the known ones.
ALLOWED_ORIGINS: list[str] = env.list("ALLOWED_ORIGINS", default=[])
FRONTEND_URL: str = env.str("FRONTEND_URL", default="")
# Where browsers reach the stream server; without it no event streams are announced. `make run`
# gives the address of its own in the second variable, so that a line in the file wins over it.
STREAM_URL: str = env.str("STREAM_URL", default=env.str("NOVARA_STREAM_URL", default=""))

# Which environment this is for feature flags that hold in some only: production, staging, …
ENVIRONMENT: str = env.str("ENVIRONMENT", default="production")

# True: health events are kept and V2 answers. False: only the V1 rows, V2 answers 503.
USE_SCHEMA_V2: bool = env.bool("USE_SCHEMA_V2", default=True)
# True: an e-mail address alone logs in, as in the old service. See the README.
LEGACY_PASSWORDLESS_LOGIN: bool = env.bool("LEGACY_PASSWORDLESS_LOGIN", default=False)

LOG_LEVEL: str = env.str("LOG_LEVEL", default="INFO")

if STREAM_URL and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", STREAM_URL):
    raise ImproperlyConfigured("STREAM_URL must be an address such as https://streams.example.org.")
if TRUSTED_PROXIES < 0:
    raise ImproperlyConfigured("TRUSTED_PROXIES must be 0 or more: the number of our own proxies.")
