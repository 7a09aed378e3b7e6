"""Every variable of the environment, declared once: type, default, one line of help.

Values come from the environment; what is missing there is read from the file that
NOVARA_ENV_FILE names (default: .dev/run.env, written by the embedded servers' launcher).
"""

import base64
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


def _keys(name: str) -> dict[str, bytes]:
    """Read "id:base64,id:base64"; no message shows more of it than an id or a place."""
    value = _required(
        name, "Start with `make run`, which makes one, or see docs/howto/document-keys.md."
    )
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
ENCRYPTION_KEYS = _keys("ENCRYPTION_KEYS")

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

# The parsing service LlamaParse: without a key, files are read here alone. Its other addresses are
# in docs/howto/llama-parse.md.
LLAMA_CLOUD_API_KEY: str = env.str("LLAMA_CLOUD_API_KEY", default="")
LLAMA_CLOUD_BASE_URL = _address("LLAMA_CLOUD_BASE_URL", "https://api.cloud.llamaindex.ai")
# Where other services reach this one from outside. Without it LlamaParse is asked, and cannot call.
PUBLIC_URL = _address("PUBLIC_URL", "")

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
if TRUSTED_PROXIES < 0:
    raise ImproperlyConfigured("TRUSTED_PROXIES must be 0 or more: the number of our own proxies.")

BUCKET = re.compile(r"s3://(?P<name>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/?")
document_bucket = BUCKET.fullmatch(DOCUMENT_STORAGE)
if DOCUMENT_STORAGE and not document_bucket:
    if not Path(DOCUMENT_STORAGE).is_absolute():
        raise ImproperlyConfigured(
            "DOCUMENT_STORAGE must be the whole path of a folder, or a bucket as s3://name."
        )
    if not Path(DOCUMENT_STORAGE).is_dir():
        raise ImproperlyConfigured(
            "DOCUMENT_STORAGE names a folder that is not there. Make it, or mount its volume."
        )
if not document_bucket and (DOCUMENT_STORAGE_ENDPOINT or DOCUMENT_STORAGE_KEY_ID):
    raise ImproperlyConfigured(
        "DOCUMENT_STORAGE_ENDPOINT and _KEY_ID are for a bucket: set DOCUMENT_STORAGE=s3://name."
    )
if bool(DOCUMENT_STORAGE_KEY_ID) != bool(DOCUMENT_STORAGE_SECRET):
    raise ImproperlyConfigured(
        "DOCUMENT_STORAGE_KEY_ID and DOCUMENT_STORAGE_SECRET belong together: set both or none."
    )
if DOCUMENTS_PER_PERSON < 1 or DOCUMENT_BYTES_PER_PERSON < 1:
    raise ImproperlyConfigured(
        "DOCUMENTS_PER_PERSON and DOCUMENT_BYTES_PER_PERSON must be 1 or more."
    )
if DOCUMENT_LEASE_SECONDS < 1:
    raise ImproperlyConfigured("DOCUMENT_LEASE_SECONDS must be 1 or more: a time in seconds.")
