"""Settings, one topic after another. What differs between installations comes from config/env."""

import os
import sys
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ

from config import env

# Lets generic classes of Django, such as ModelAdmin[User], be written at run time.
django_stubs_ext.monkeypatch()

ROOT = Path(__file__).resolve().parent.parent

# Security

SECRET_KEY = env.SECRET_KEY
JWT_SECRET = env.JWT_SECRET
ENCRYPTION_KEYS = env.ENCRYPTION_KEYS
AUDIT_SIGNING_KEYS = env.AUDIT_SIGNING_KEYS
DEBUG = env.DEBUG
ALLOWED_HOSTS = env.ALLOWED_HOSTS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = env.BEHIND_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if env.BEHIND_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.BEHIND_HTTPS
if env.BEHIND_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Both are there, as subclasses in config/middleware.py, which the checks do not recognize.
SILENCED_SYSTEM_CHECKS = ["security.W002", "security.W003"]
SESSION_COOKIE_AGE = 8 * 60 * 60
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

# People and passwords

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LEGACY_PASSWORDLESS_LOGIN = env.LEGACY_PASSWORDLESS_LOGIN

# Database


def _process() -> str:
    """Tell what runs here: web, worker, beat, or command and its name."""
    program, words = Path(sys.argv[0]).name, sys.argv[1:]
    if program == "manage.py":
        return " ".join(("command", *words[:1]))
    return next((word for word in ("worker", "beat") if word in words), "web")


_address: dict[str, Any] = environ.Env.db_url_config(env.DATABASE_URL)
# A socket given as ?host= belongs where `manage.py dbshell` looks for it too.
_address["HOST"] = _address.get("OPTIONS", {}).pop("host", _address["HOST"])
DATABASES = {
    "default": _address
    | {
        "ENGINE": "core.postgres",
        # Each thread keeps its connection; the health check asks the socket, not the server.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": _address.get("OPTIONS", {})
        | {
            "connect_timeout": 5,
            # A host that vanished without a word is given up within half a minute.
            "tcp_user_timeout": 15_000,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            # Seen in pg_stat_activity, and by the audit log where nobody said who acts.
            "application_name": f"novara {_process()}",
            # Django's own cursors never prepare; None forbids it to ours as well.
            "prepare_threshold": 5 if env.DATABASE_PREPARED_STATEMENTS else None,
        },
    }
}
SLOW_QUERY_MS = env.SLOW_QUERY_MS
REDIS_URL = env.REDIS_URL

# Apps

INSTALLED_APPS = [
    "config.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_linear_migrations",
    "config.apps.FrameConfig",
    "core",
    "audit",
    "ratelimits",
    "accounts",
    "flags",
    "health",
    "documents",
    "medications",
    "assessments",
    "insights",
    "analytics",
    "legacy",
]
MIDDLEWARE = [
    "core.requests.request_frame",
    "audit.middleware.noted_reads",
    "flags.middleware.request_outcomes",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.Cors",
    "config.limits.Limits",
    "config.middleware.StaticFiles",
    "config.middleware.Sessions",
    "config.middleware.Common",
    "config.middleware.Csrf",
    "config.middleware.Authentication",
    "config.middleware.Messages",
    "config.middleware.ClickjackingProtection",
    "config.middleware.staff_gate",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

# Files of the console and the docs page, served by the web process itself

STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "core.api.openapi.Operations",
    "UNAUTHENTICATED_USER": None,
    "NUM_PROXIES": env.TRUSTED_PROXIES,
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [],
}
STREAM_URL = env.STREAM_URL.rstrip("/")
CORS_ALLOWED_ORIGINS = [
    *(f"http://localhost:{port}" for port in (3000, 4200, 5173)),
    *env.ALLOWED_ORIGINS,
    *([env.FRONTEND_URL.rstrip("/")] if env.FRONTEND_URL else []),
]
# Previews of the product's own web client; not every site that the hoster serves.
CORS_ALLOWED_ORIGIN_REGEXES = [r"^https://novara-[a-z0-9-]+-novara-fertility\.vercel\.app$"]
CORS_ALLOW_CREDENTIALS = True
# Pages of the console go by cookies, so no other site may read them.
CORS_URLS_REGEX = r"^/(api|ofrep)/"
CORS_ALLOW_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
CORS_ALLOW_HEADERS = [
    "content-type",
    "authorization",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "if-range",
    "range",
    "x-api-key",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "content-disposition",
    "content-range",
    "etag",
    "idempotency-replayed",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
]

# Limits

RATE_LIMITS = env.RATE_LIMITS

# Feature flags

ENVIRONMENT = env.ENVIRONMENT

# Documents: where their bytes are, and how much one person may keep

# onnxruntime tells its makers how it is used unless it finds this when it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

STORAGES = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "documents": {
        "BACKEND": "documents.storage.bucket.Bucket",
        "OPTIONS": {
            "bucket": env.document_bucket["name"],
            "endpoint": env.DOCUMENT_STORAGE_ENDPOINT,
            "region": env.DOCUMENT_STORAGE_REGION,
            "key_id": env.DOCUMENT_STORAGE_KEY_ID,
            "secret": env.DOCUMENT_STORAGE_SECRET,
        },
    }
    if env.document_bucket
    else {
        "BACKEND": "documents.storage.folder.Folder",
        "OPTIONS": {
            "location": env.DOCUMENT_STORAGE or ROOT / ".dev" / "documents",
            "is_made": not env.DOCUMENT_STORAGE,
        },
    },
    "audit": {
        "BACKEND": "audit.storage.bucket.Bucket",
        "OPTIONS": {
            "bucket": env.audit_bucket["name"],
            "endpoint": env.AUDIT_MIRROR_ENDPOINT,
            "region": env.AUDIT_MIRROR_REGION,
            "key_id": env.AUDIT_MIRROR_KEY_ID,
            "secret": env.AUDIT_MIRROR_SECRET,
        },
    }
    if env.audit_bucket
    else {
        "BACKEND": "audit.storage.folder.Folder",
        "OPTIONS": {
            "location": env.AUDIT_MIRROR or ROOT / ".dev" / "audit",
            "is_made": not env.AUDIT_MIRROR,
        },
    },
}
DOCUMENTS_PER_PERSON = env.DOCUMENTS_PER_PERSON
DOCUMENT_BYTES_PER_PERSON = env.DOCUMENT_BYTES_PER_PERSON
DOCUMENT_LEASE_SECONDS = env.DOCUMENT_LEASE_SECONDS
EMBEDDINGS_URL = env.EMBEDDINGS_URL.rstrip("/")
EMBEDDINGS_API_KEY = env.EMBEDDINGS_API_KEY
EMBEDDINGS_MODEL = env.EMBEDDINGS_MODEL
EMBEDDINGS_DIMENSIONS = env.EMBEDDINGS_DIMENSIONS
EMBEDDINGS_THREADS = env.EMBEDDINGS_THREADS
LLAMA_CLOUD_API_KEY = env.LLAMA_CLOUD_API_KEY
LLAMA_CLOUD_BASE_URL = env.LLAMA_CLOUD_BASE_URL.rstrip("/")
PUBLIC_URL = env.PUBLIC_URL.rstrip("/")

# Mail: alerts of the audit log

SENDS_MAIL = bool(env.EMAIL)
EMAIL_BACKEND = env.EMAIL.get("EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend")
EMAIL_HOST = env.EMAIL.get("EMAIL_HOST", "")
EMAIL_PORT = env.EMAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = env.EMAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = env.EMAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = env.EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = env.EMAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.EMAIL_FROM or "webmaster@localhost"

# Audit log

AUDIT_CHECKPOINT_SECONDS = env.AUDIT_CHECKPOINT_SECONDS

# Storage modes of the check-ins

USE_SCHEMA_V2 = env.USE_SCHEMA_V2

# Logs: one JSON object a line, on standard output

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "core.requests.JsonLines"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "json",
        }
    },
    "root": {"handlers": ["stdout"], "level": env.LOG_LEVEL},
    "loggers": {
        # It logs the path and query of every 4xx, which may be private.
        "django.request": {"level": "CRITICAL", "propagate": False},
        "django.server": {"level": "WARNING"},
        # One line for each task that comes and goes, every other second.
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        # Their details are keys and what is sent.
        "httpcore": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "llama_cloud": {"level": "WARNING"},
    },
}
