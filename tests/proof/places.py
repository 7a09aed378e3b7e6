"""Where nothing of anybody may lie: logs, the store, metrics, titles of processes, folders."""

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
import redis
from django.conf import settings

from config.dev.services import MARK
from tests.house.catalog import rows
from tests.proof.findings import Section
from tests.proof.installation import Installation
from tests.proof.markers import markers_in
from tests.proof.world import World

TOKEN: Final = re.compile(rb"eyJ[\w-]{8,}\.eyJ|nvk_[0-9a-z]{8}_[0-9A-Za-z]{20}|Bearer [\w-]{20}")
DATABASES: Final = 16
# The id of a request is the caller's to choose, and is there to be found in logs.
CALLERS_OWN: Final = "X-Request-ID"


class Ear:
    """Hears every command that any process sends to Valkey: tasks, hints, caches."""

    def __init__(self) -> None:
        self.commands = 0
        self.found: dict[str, str] = {}
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            with redis.Redis.from_url(settings.REDIS_URL).monitor() as monitor:
                for command in monitor.listen():
                    self.commands += 1
                    for token in markers_in(str(command["command"]).encode()):
                        self.found.setdefault(token, str(command["command"])[:60])
        except redis.RedisError:
            return


def log_as_by_default() -> None:
    """Let PostgreSQL log as it does by itself: our launcher has it say less of what fails."""
    with psycopg.connect(os.environ["DATABASE_URL"], user="postgres", autocommit=True) as server:
        server.execute("ALTER SYSTEM SET log_error_verbosity = 'default'")
        server.execute("ALTER SYSTEM SET log_min_error_statement = 'error'")
        server.execute("SELECT pg_reload_conf()")


def search(world: World, section: Section, installation: Installation, ear: Ear) -> None:
    size = 0
    for path, data in _files(installation):
        size += len(data)
        _nothing_in(world, section, f"the log {path.name}", data, with_tokens=True)
    section.fact("Bytes of logs of all processes, PostgreSQL's and Valkey's too", size)
    _store(world, section, ear)
    _titles(world, section)
    _folders(world, section, installation)
    _statistics(world, section)
    for page in ("/metrics", "/readyz", "/api/openapi-v2.json"):
        answer = world.caller("nobody").call("GET", page)
        _nothing_in(world, section, page, answer.whole)


def _nothing_in(
    world: World, section: Section, place: str, data: bytes, *, with_tokens: bool = False
) -> None:
    section.tried += 1
    for token in sorted(markers_in(data) & set(world.markers.known)):
        if world.markers.known[token].place == CALLERS_OWN:
            continue
        line = next((one for one in data.splitlines() if token.encode() in one.lower()), b"")
        shown = re.sub(rb"zq[0-9a-f]{16}", b"(marker)", line)[:300].decode(errors="replace")
        section.found(f"{place} holds {world.markers.name_of(token)}", shown)
    if with_tokens and (found := TOKEN.search(data)):
        section.found(f"{place} holds a token", found[0][:12].decode())


def _files(installation: Installation) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(installation.logs.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


def _store(world: World, section: Section, ear: Ear) -> None:
    section.expect(ear.commands > 0, "Nothing was heard of Valkey's commands.")
    for token, command in ear.found.items():
        if token in world.markers.known:
            section.found(f"A command to Valkey held {world.markers.name_of(token)}", command[:20])
    section.fact("Commands to Valkey that were listened to", ear.commands)
    keys = 0
    for number in range(DATABASES):
        with redis.Redis.from_url(settings.REDIS_URL, db=number) as store:
            for key in store.scan_iter(count=1000):
                keys += 1
                _nothing_in(
                    world, section, f"Valkey's key {key[:20]!r}", key + b" " + _value(store, key)
                )
    section.fact("Keys in Valkey at the end", keys)


def _value(store: Any, key: bytes) -> bytes:
    dumped = {
        b"string": lambda: store.get(key),
        b"list": lambda: store.lrange(key, 0, -1),
        b"set": lambda: store.smembers(key),
        b"zset": lambda: store.zrange(key, 0, -1),
        b"hash": lambda: store.hgetall(key),
        b"stream": lambda: store.xrange(key),
    }
    return repr(dumped[store.type(key)]() if store.exists(key) else b"").encode()


def _titles(world: World, section: Section) -> None:
    count = 0
    for process in psutil.process_iter():
        try:
            title = " ".join(process.cmdline())
            if process.environ().get(MARK) or "postgres" in title:
                count += 1
                _nothing_in(world, section, f"the title of {process.name()}", title.encode())
        except psutil.Error:
            continue
    section.fact("Titles of processes", count)


def _folders(world: World, section: Section, installation: Installation) -> None:
    names = 0
    for path in installation.temporary.rglob("*"):
        names += 1
        data = path.read_bytes() if path.is_file() else b""
        _nothing_in(world, section, "the temporary folder", path.name.encode() + b"\n" + data)
    storage: Any = settings.STORAGES["documents"]
    for path in Path(storage["OPTIONS"]["location"]).rglob("*"):
        names += 1
        _nothing_in(world, section, "a file name of the document storage", path.name.encode())
    section.expect(True, "")
    section.fact("Names of files in temporary folders and the document storage", names)


def _statistics(world: World, section: Section) -> None:
    """What PostgreSQL tells of itself to the role of requests, inside Alice's gate."""
    rows("ANALYZE")
    address = settings.DATABASES["default"]
    alice = world.people["alice"].user
    with psycopg.connect(
        dbname=address["NAME"], user=address["USER"], host=address["HOST"] or None
    ) as own:
        own.execute("SELECT set_config('app.tenant_id', %s, true)", [str(alice.tenant_id)])
        own.execute("SELECT set_config('app.user_id', %s, true)", [str(alice.pk)])
        own.execute("SET LOCAL ROLE novara_api")
        for view in (
            "pg_stat_activity",
            "pg_stats",
            "pg_prepared_statements",
            "pg_cursors",
            "pg_locks",
        ):
            told = own.execute(f"SELECT to_jsonb(v)::text FROM {view} v".encode()).fetchall()
            text = "\n".join(row[0] for row in told).encode()
            _nothing_in(world, section, f"{view}, as novara_api", text)
        section.fact("Views of PostgreSQL's own, read as novara_api", 5)
