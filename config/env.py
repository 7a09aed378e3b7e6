"""Every variable of the environment, declared once: type, default, one line of help.

Values come from the environment; what is missing there is read from the file that
NOVARA_ENV_FILE names (default: .dev/run.env, written by the embedded servers' launcher).
"""

import base64
import os
import re
from pathlib import Path
from typing import Any

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
# Of a vector; the longest that is offered anywhere is half of it.
MOST_DIMENSIONS = 8_192


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


# In bytes; AES-256 needs exactly so many.
KEY_LENGTH = 32


def _keys(name: str, page: str) -> dict[str, bytes]:
    """Read "id:base64,id:base64"; no message shows more of it than an id or a place."""
    value = _required(name, f"Start with `make run`, which makes one, or see docs/howto/{page}.")
    keys: dict[str, bytes] = {}
    for place, entry in enumerate(value.split(","), 1):
        key_id, separator, text = entry.strip().partition(":")
        if not separator or not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", key_id):
            raise ImproperlyConfigured(
                f"{name}, key {place}: must be id:base64, with an id of letters, digits, '.', '_'"
                " and '-'."
            )
        key = _key(name, key_id, text)
        if key_id in keys or key in keys.values():
            raise ImproperlyConfigured(f"{name}: {key_id} has the id or the key of another one.")
        keys[key_id] = key
    return keys


def _key(name: str, key_id: str, text: str) -> bytes:
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:  # Also what is not ASCII.
        key = b""
    if len(key) != KEY_LENGTH:
        raise ImproperlyConfigured(
            f"{name}: {key_id} must be {KEY_LENGTH} bytes in base64, as `openssl rand -base64"
            f" {KEY_LENGTH}` makes them."
        )
    return key


def _address(name: str, default: str) -> str:
    """Read an address to which documents or secrets go: without https, only on this machine."""
    value: str = env.str(name, default="") or default
    safe = r"https://[^/?#\s@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
    if value and not re.fullmatch(rf"({safe})(/[^?#\s]*)?", value):
        raise ImproperlyConfigured(
            f"{name} must be an address such as https://api.example.org. Only this machine's own"
            " may begin with http://localhost."
        )
    return value


# As django-environ knows them; mail without encryption goes to this machine or its network alone.
MAIL_SCHEMES = ("smtp", "smtp+tls", "smtp+ssl", "consolemail")


def _mail(name: str) -> dict[str, Any]:
    """Read the address of a mail server; no message shows more of it than its name."""
    value: str = env.str(name, default="")
    if not value:
        return {}
    scheme, separator, _ = value.partition("://")
    wrong = ImproperlyConfigured(
        f"{name} must be an address such as smtp+tls://name:password@mail.example.org:587."
    )
    if not separator or scheme not in MAIL_SCHEMES:
        raise wrong
    try:
        config: dict[str, Any] = environ.Env.email_url_config(value)
    except ValueError as error:
        raise wrong from error
    if scheme != "consolemail" and not config.get("EMAIL_HOST"):
        raise wrong
    return config


# Where the data is.
DATABASE_URL = _required("DATABASE_URL", "Start the embedded server with `make up`.")
REDIS_URL = _required("REDIS_URL", "Start the embedded server with `make up`.")
# False behind a pooler that cannot keep prepared statements (PgBouncer before 1.21).
DATABASE_PREPARED_STATEMENTS: bool = env.bool("DATABASE_PREPARED_STATEMENTS", default=True)

# Signs sessions and forms of the admin.
SECRET_KEY = _secret("SECRET_KEY")
# Signs the bearer tokens of both API versions; old clients' scripts share it.
JWT_SECRET = _secret("JWT_SECRET")
# Wrap the keys under which texts and vectors of documents are sealed, as id:base64, separated by
# commas. The first one wraps; the others still open. Without them, sealed data is lost.
ENCRYPTION_KEYS = _keys("ENCRYPTION_KEYS", "document-keys.md")
# Sign the checkpoints of the audit log (Ed25519), in the same form. The first one signs; what the
# others have signed still verifies.
AUDIT_SIGNING_KEYS = _keys("AUDIT_SIGNING_KEYS", "audit.md")

DEBUG: bool = env.bool("DEBUG", default=False)
# Host names the server answers to, separated by commas.
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
# True when a proxy in front speaks https and sets X-Forwarded-Proto.
BEHIND_HTTPS: bool = env.bool("BEHIND_HTTPS", default=False)
# False only in an emergency: nobody's requests are counted, nobody is refused. Log-ins still are.
RATE_LIMITS: bool = env.bool("RATE_LIMITS", default=True)
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

# Where the bytes of documents are: a folder, or a bucket as s3://name.
DOCUMENT_STORAGE: str = env.str("DOCUMENT_STORAGE", default="")
# Of a bucket: the server's address where it is not Amazon's, its region, and a key. Without a key
# it is the machine's own (of its role, for one).
DOCUMENT_STORAGE_ENDPOINT = _address("DOCUMENT_STORAGE_ENDPOINT", "")
DOCUMENT_STORAGE_REGION: str = env.str("DOCUMENT_STORAGE_REGION", default="us-east-1")
DOCUMENT_STORAGE_KEY_ID: str = env.str("DOCUMENT_STORAGE_KEY_ID", default="")
DOCUMENT_STORAGE_SECRET: str = env.str("DOCUMENT_STORAGE_SECRET", default="")
# What one person may keep.
DOCUMENTS_PER_PERSON: int = env.int("DOCUMENTS_PER_PERSON", default=1000)
DOCUMENT_BYTES_PER_PERSON: int = env.int("DOCUMENT_BYTES_PER_PERSON", default=2 * 1024**3)

# Where copies of the audit log's checkpoints lie, outside the database: a folder, or a bucket as
# s3://name, with its own address, region and key as above.
AUDIT_MIRROR: str = env.str("AUDIT_MIRROR", default="")
AUDIT_MIRROR_ENDPOINT = _address("AUDIT_MIRROR_ENDPOINT", "")
AUDIT_MIRROR_REGION: str = env.str("AUDIT_MIRROR_REGION", default="us-east-1")
AUDIT_MIRROR_KEY_ID: str = env.str("AUDIT_MIRROR_KEY_ID", default="")
AUDIT_MIRROR_SECRET: str = env.str("AUDIT_MIRROR_SECRET", default="")
# How often the chains of the audit log are signed, where they have grown.
AUDIT_CHECKPOINT_SECONDS: int = env.int("AUDIT_CHECKPOINT_SECONDS", default=60)

# The parsing service LlamaParse: without a key, files are read here alone. Its other addresses are
# in docs/howto/llama-parse.md.
LLAMA_CLOUD_API_KEY: str = env.str("LLAMA_CLOUD_API_KEY", default="")
LLAMA_CLOUD_BASE_URL = _address("LLAMA_CLOUD_BASE_URL", "https://api.cloud.llamaindex.ai")
# Where other services reach this one from outside. Without it LlamaParse is asked, and cannot call.
PUBLIC_URL = _address("PUBLIC_URL", "")

# The mail server that alerts of the audit log go through: smtp+tls://name:password@host:587, or
# consolemail:// to see them on the screen. Unset: no mail is sent.
EMAIL: dict[str, Any] = _mail("EMAIL_URL")
# Who mails come from.
EMAIL_FROM: str = env.str("EMAIL_FROM", default="")

# A service that turns texts into vectors and speaks OpenAI's contract; unset: the built-in model.
EMBEDDINGS_URL = _address("EMBEDDINGS_URL", "")
EMBEDDINGS_API_KEY: str = env.str("EMBEDDINGS_API_KEY", default="")
EMBEDDINGS_MODEL: str = env.str("EMBEDDINGS_MODEL", default="")
EMBEDDINGS_DIMENSIONS: int = env.int("EMBEDDINGS_DIMENSIONS", default=0)
# Threads of the built-in model in each process; 0: as many as there are cores.
EMBEDDINGS_THREADS: int = env.int("EMBEDDINGS_THREADS", default=0)

# After so many seconds without a sign of life, a worker's document is given to another one.
DOCUMENT_LEASE_SECONDS: int = env.int("DOCUMENT_LEASE_SECONDS", default=40)

LOG_LEVEL: str = env.str("LOG_LEVEL", default="INFO")
# Statements that take as many milliseconds or more are noted in the log; 0: none is.
SLOW_QUERY_MS: int = env.int("SLOW_QUERY_MS", default=500)

if SLOW_QUERY_MS < 0:
    raise ImproperlyConfigured("SLOW_QUERY_MS must be 0 or more: 0 notes no statement.")
if STREAM_URL and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", STREAM_URL):
    raise ImproperlyConfigured("STREAM_URL must be an address such as https://streams.example.org.")
if not re.fullmatch(r"[\x21-\x7e]*", LLAMA_CLOUD_API_KEY):
    raise ImproperlyConfigured("LLAMA_CLOUD_API_KEY must be one word, as LlamaCloud shows it.")
if not re.fullmatch(r"[\x21-\x7e]*", EMBEDDINGS_API_KEY):
    raise ImproperlyConfigured("EMBEDDINGS_API_KEY must be one word, as the service shows it.")
if EMBEDDINGS_URL and not (EMBEDDINGS_MODEL and 1 < EMBEDDINGS_DIMENSIONS <= MOST_DIMENSIONS):
    raise ImproperlyConfigured(
        "With EMBEDDINGS_URL, EMBEDDINGS_MODEL must name a model of that service, and"
        f" EMBEDDINGS_DIMENSIONS the length of its vectors, 2 to {MOST_DIMENSIONS}."
    )
if not EMBEDDINGS_URL and (EMBEDDINGS_API_KEY or EMBEDDINGS_MODEL or EMBEDDINGS_DIMENSIONS):
    raise ImproperlyConfigured(
        "EMBEDDINGS_API_KEY, EMBEDDINGS_MODEL and EMBEDDINGS_DIMENSIONS are of a service:"
        " set EMBEDDINGS_URL too, or none of them for the built-in model."
    )
if EMBEDDINGS_THREADS < 0:
    raise ImproperlyConfigured("EMBEDDINGS_THREADS must be 0 or more: 0 is one per core.")
if EMAIL and not re.fullmatch(r"[^@\r\n]+@[^@\s]+", EMAIL_FROM):
    raise ImproperlyConfigured(
        "With EMAIL_URL, EMAIL_FROM must be the address that mails come from."
    )
if TRUSTED_PROXIES < 0:
    raise ImproperlyConfigured("TRUSTED_PROXIES must be 0 or more: the number of our own proxies.")

BUCKET = re.compile(r"s3://(?P<name>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/?")


def _bucket(name: str, place: str, of_bucket: tuple[str, str, str]) -> re.Match[str] | None:
    """Tell a bucket from a folder, which must be there; refuse what is for a bucket alone."""
    bucket = BUCKET.fullmatch(place)
    endpoint, key_id, secret = of_bucket
    if place and not bucket:
        if not Path(place).is_absolute():
            raise ImproperlyConfigured(
                f"{name} must be the whole path of a folder, or a bucket as s3://name."
            )
        if not Path(place).is_dir():
            raise ImproperlyConfigured(
                f"{name} names a folder that is not there. Make it, or mount its volume."
            )
    if not bucket and (endpoint or key_id):
        raise ImproperlyConfigured(
            f"{name}_ENDPOINT and _KEY_ID are for a bucket: set {name}=s3://name."
        )
    if bool(key_id) != bool(secret):
        raise ImproperlyConfigured(
            f"{name}_KEY_ID and {name}_SECRET belong together: set both or none."
        )
    return bucket


document_bucket = _bucket(
    "DOCUMENT_STORAGE",
    DOCUMENT_STORAGE,
    (DOCUMENT_STORAGE_ENDPOINT, DOCUMENT_STORAGE_KEY_ID, DOCUMENT_STORAGE_SECRET),
)
audit_bucket = _bucket(
    "AUDIT_MIRROR",
    AUDIT_MIRROR,
    (AUDIT_MIRROR_ENDPOINT, AUDIT_MIRROR_KEY_ID, AUDIT_MIRROR_SECRET),
)
if DOCUMENTS_PER_PERSON < 1 or DOCUMENT_BYTES_PER_PERSON < 1:
    raise ImproperlyConfigured(
        "DOCUMENTS_PER_PERSON and DOCUMENT_BYTES_PER_PERSON must be 1 or more."
    )
if DOCUMENT_LEASE_SECONDS < 1:
    raise ImproperlyConfigured("DOCUMENT_LEASE_SECONDS must be 1 or more: a time in seconds.")
if AUDIT_CHECKPOINT_SECONDS < 1:
    raise ImproperlyConfigured("AUDIT_CHECKPOINT_SECONDS must be 1 or more: a time in seconds.")
