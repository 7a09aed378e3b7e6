"""What mypy reads: the settings, with addresses that nobody calls."""

import os

os.environ.setdefault("DATABASE_URL", "postgresql://nobody@localhost/nothing")
os.environ.setdefault("REDIS_URL", "redis://localhost")
os.environ.setdefault("SECRET_KEY", "x" * 40)
os.environ.setdefault("JWT_SECRET", "x" * 40)
os.environ.setdefault("ENCRYPTION_KEYS", f"first:{'x' * 43}")
os.environ.setdefault("AUDIT_SIGNING_KEYS", f"first:{'x' * 43}")

from config.settings import *  # noqa: F403
