"""The file of variables that the settings read: addresses, made anew, and secrets, made once."""

import base64
import os
import secrets
from pathlib import Path

NOTE = """\
# Read by config/env.py; what the environment says wins. Add lines as you like: they are kept.
# DATABASE_URL and REDIS_URL are written anew at each start."""
SERVERS = ("DATABASE_URL", "REDIS_URL")
SECRETS = ("SECRET_KEY", "JWT_SECRET")
KEYS = ("ENCRYPTION_KEYS", "AUDIT_SIGNING_KEYS")


def new_secrets() -> dict[str, str]:
    made = {name: secrets.token_urlsafe(48) for name in SECRETS}
    for name in KEYS:
        made[name] = f"first:{base64.b64encode(secrets.token_bytes(32)).decode()}"
    return made


def write(path: Path, addresses: dict[str, str]) -> None:
    """Put in the addresses of the embedded servers and missing secrets; keep every other line."""
    kept = [line for line in _read_lines(path) if _name(line) not in SERVERS]
    present = {_name(line) for line in kept}
    made = {name: value for name, value in new_secrets().items() if name not in present}
    lines = kept or NOTE.splitlines()
    lines += [f"{name}={value}" for name, value in (made | addresses).items()]
    _replace(path, "\n".join(lines) + "\n")


def _read_lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _name(line: str) -> str:
    return line.partition("=")[0].removeprefix("export ").strip()


def _replace(path: Path, text: str) -> None:
    """Whoever reads meanwhile sees the old file or the new one, never half of it."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
