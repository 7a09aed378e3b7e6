"""The servers of a run: one Postgres and one Valkey for all, and the apps to compare.

Everything is a context manager, so that a benchmark that ends, in whatever way, leaves nothing.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config.dev import postgres, valkey
from tests.benchmarks import processes
from tests.benchmarks.worker import ROOT

TWINS = Path(__file__).parent / "twins"
EXPRESS = TWINS / "express"

# What would otherwise happen at a random moment of the run, and be charged to whoever is then
# measured. Durability is not touched: every commit waits for the disk.
QUIET = {"autovacuum": "off", "checkpoint_timeout": "1h", "max_wal_size": "16GB"}
# Of a large database's server.
SHARED_BUFFERS = "3GB"


@dataclass(frozen=True)
class Stage:
    """What the apps of one run share."""

    folder: Path
    database_url: str
    twins_url: str
    redis_url: str
    jwt_secret: str
    # Of Novara's one process, each with its database connection.
    threads: int

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.database_url, autocommit=True)

    def connect_twins(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.twins_url, autocommit=True)


@dataclass(frozen=True)
class App:
    """One server that answers. `paths` says what it calls the same things."""

    name: str
    url: str
    pid: int
    versions: str
    paths: Mapping[str, str]

    def address(self, what: str) -> str:
        return self.url + self.paths[what]


TWIN_PATHS = {
    "event": "/events",
    "timeline": "/timeline?limit=50",
    "checkin": "/api/checkins",
    "checkin-as-at-head": "/api/checkins/as-at-head",
    "checkins": "/api/checkins?limit=",
}
NOVARA_PATHS = {
    "event": "/api/v2/health/events",
    "batch": "/api/v2/health/events/batch",
    "timeline": "/api/v2/health/timeline?limit=50",
    "signup": "/api/v2/auth/signup",
    "checkin": "/api/checkins",
    "checkins": "/api/checkins?limit=",
}


@contextmanager
def stage(threads: int = 8, data: Path | None = None) -> Iterator[Stage]:
    """`data`: a folder that keeps the databases; without it everything is discarded."""
    folder = data or Path(tempfile.mkdtemp(prefix="novara-bench-"))
    folder.mkdir(exist_ok=True, parents=True)
    folder.chmod(0o711)  # So that, started by root, PostgreSQL's user can pass through.
    try:
        database_url = os.environ.get("DATABASE_URL") or postgres.start(folder)
        if not os.environ.get("DATABASE_URL"):
            _quieten(database_url)
            if data:
                _enlarge(database_url, folder)
        redis_url = os.environ.get("REDIS_URL") or valkey.start(folder)
        with _twins_database(database_url) as twins_url:
            yield Stage(
                folder, database_url, twins_url, redis_url, secrets.token_urlsafe(48), threads
            )
    finally:
        valkey.discard(folder)
        if data:
            postgres.stop(folder)
        else:
            postgres.discard(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _enlarge(database_url: str, folder: Path) -> None:
    with psycopg.connect(database_url, user="postgres", autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET shared_buffers = '{SHARED_BUFFERS}'")
    postgres.stop(folder)
    postgres.start(folder)


def _quieten(database_url: str) -> None:
    with psycopg.connect(database_url, user="postgres", autocommit=True) as connection:
        for name, value in QUIET.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def _twins_database(database_url: str) -> Iterator[str]:
    """A database of their own beside Novara's, in the same server."""
    name = f"novara_twins_{os.getpid()}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        new_id = "uuidv7" if connection.info.server_version >= 180_000 else "gen_random_uuid"
    try:
        url = make_conninfo(database_url, dbname=name)
        with psycopg.connect(url, autocommit=True) as connection:
            for schema in TWINS.glob("*.sql"):
                connection.execute(schema.read_text().format(new_id=new_id).encode())
        yield url
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def postmaster(stage: Stage) -> int | None:
    """The server's main process, if it runs on this machine and shows itself."""
    with stage.connect() as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        pid = row[0] if row else None
        return processes.parent(pid) if isinstance(pid, int) else None


def describe(stage: Stage) -> str:
    with stage.connect() as connection:
        row = connection.execute("SHOW server_version").fetchone()
        fsync = connection.execute("SHOW fsync").fetchone()
    return f"PostgreSQL {row and row[0]}, fsync {fsync and fsync[0]}"


def _libpq(url: str) -> dict[str, str]:
    """The address in the variables that asyncpg and node-postgres read as libpq does."""
    parts = conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    names["password"] = "PGPASSWORD"
    return {variable: str(parts[key]) for key, variable in names.items() if parts.get(key)}


@contextmanager
def fastapi(stage: Stage) -> Iterator[App]:
    port, log = processes.free_port(), stage.folder / "fastapi.log"
    command = [
        *(sys.executable, "-m", "uvicorn", "tests.benchmarks.twins.fastapi_app:app"),
        *("--port", str(port), "--loop", "uvloop", "--http", "httptools"),
        *("--workers", "1", "--no-access-log", "--log-level", "warning"),
    ]
    env = {**_libpq(stage.twins_url), "JWT_SECRET": stage.jwt_secret}
    with processes.running(command, env=env, log=log, cwd=ROOT) as pid:
        url = f"http://127.0.0.1:{port}"
        processes.wait_until_it_answers(f"{url}/livez", pid=pid, log=log)
        names = ("fastapi", "asyncpg", "uvicorn", "pydantic")
        yield App("FastAPI twin", url, pid, _versions(names), TWIN_PATHS)


@contextmanager
def express(stage: Stage) -> Iterator[App]:
    port, log = processes.free_port(), stage.folder / "express.log"
    env = {**_libpq(stage.twins_url), "JWT_SECRET": stage.jwt_secret, "PORT": str(port)}
    env |= {"NODE_ENV": "production", "TZ": "UTC"}
    command = [shutil.which("node") or "node", str(EXPRESS / "server.js")]
    with processes.running(command, env=env, log=log, cwd=EXPRESS) as pid:
        url = f"http://127.0.0.1:{port}"
        processes.wait_until_it_answers(f"{url}/livez", pid=pid, log=log)
        said = subprocess.run(
            ["node", "-p", NODE_VERSIONS], cwd=EXPRESS, check=True, capture_output=True, text=True
        )
        yield App("Express twin", url, pid, said.stdout.strip(), TWIN_PATHS)


NODE_VERSIONS = """
["express", "pg", "jsonwebtoken"]
  .map((name) => name + " " + require("./node_modules/" + name + "/package.json").version)
  .concat("node " + process.versions.node).join(", ")
"""


def why_not_express() -> str | None:
    """Install the twin's packages on first use; say what stands in the way, if anything does."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "The Express twin is left out: it needs node and npm."
    if (EXPRESS / "node_modules" / ".package-lock.json").exists():
        return None
    print("Installing the Express twin's packages (npm ci) …", flush=True)
    done = subprocess.run(["npm", "ci"], cwd=EXPRESS, check=False, capture_output=True, text=True)
    if done.returncode:
        return f"The Express twin is left out: npm ci failed.\n{done.stderr.strip()[-1000:]}"
    return None


def novara_env(stage: Stage) -> dict[str, str]:
    return {
        "DATABASE_URL": stage.database_url,
        "REDIS_URL": stage.redis_url,
        "SECRET_KEY": stage.jwt_secret[::-1],
        "JWT_SECRET": stage.jwt_secret,
        "ENCRYPTION_KEYS": f"first:{'x' * 43}",
        "AUDIT_SIGNING_KEYS": f"first:{'x' * 43}",
        "DEBUG": "false",
        # A few people ask as fast as they can; the benchmark of limits switches them on.
        "RATE_LIMITS": "false",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        # No developer's own file may fill in what is missing here.
        "NOVARA_ENV_FILE": os.devnull,
    }


def migrate(stage: Stage) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, **novara_env(stage)},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"manage.py migrate failed:\n{done.stderr[-3000:]}")


@contextmanager
def novara(stage: Stage, application: str = "config.wsgi:application") -> Iterator[App]:
    port = processes.free_port()
    log = stage.folder / f"novara-{port}.log"
    migrate(stage)
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", application),
        *("--host", "127.0.0.1", "--port", str(port), "--no-ws"),
        *("--workers", "1", "--blocking-threads", str(stage.threads), "--log-level", "warning"),
        *("--runtime-mode", "st"),
    ]
    env = novara_env(stage) | {"PORT": str(port)}
    with processes.running(command, env=env, log=log, cwd=ROOT) as pid:
        url = f"http://127.0.0.1:{port}"
        processes.wait_until_it_answers(f"{url}/livez", pid=pid, log=log)
        names = ("Django", "djangorestframework", "psycopg", "granian")
        yield App("Novara", url, pid, _versions(names), NOVARA_PATHS)


APPS: dict[str, Callable[[Stage], AbstractContextManager[App]]] = {
    "novara": novara,
    "fastapi": fastapi,
    "express": express,
}


def _versions(names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {version(name)}" for name in names)
