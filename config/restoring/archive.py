"""Backups: a folder with a dump of the database, what it needs before and after, and an inventory.

The files of documents are not in it: a folder or bucket is copied by its own means, afterwards.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from django.db import connection, transaction
from psycopg.conninfo import make_conninfo

from config.dev import postgres
from config.dev.processes import SetupError
from config.restoring import inventory
from config.restoring.inventory import Inventory

DUMP, INVENTORY, SUMS = "database.dump", "inventory.json", "SHA256SUMS"
BEFORE, AFTER = "before.sql", "after.sql"
# Whoever owns something here, or may do something; a superuser needs no mention.
ROLES: Final = """
    SELECT r.rolname, r.rolcanlogin, r.rolinherit,
           pg_has_role(current_user, r.oid, 'MEMBER'),
           bool_or(d.deptype = 'o') AND NOT has_schema_privilege(r.oid, 'public', 'CREATE')
      FROM pg_shdepend d
      JOIN pg_roles r ON r.oid = d.refobjid
     WHERE d.refclassid = 'pg_authid'::regclass
       AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND r.rolname <> current_user
       AND r.rolname NOT LIKE 'pg\\_%'
       AND NOT r.rolsuper
     GROUP BY r.oid, r.rolname, r.rolcanlogin, r.rolinherit
     ORDER BY 1
"""
MAKE_ROLE: Final = """\
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN
        CREATE ROLE {name} {login} {inherit} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
END
$$;
"""
JOIN: Final = """\
DO $$
BEGIN
    IF NOT pg_has_role(current_user, '{name}', 'USAGE') THEN
        GRANT {name} TO CURRENT_USER;
    END IF;
END
$$;
"""
# A function is given to the role that it acts as, which must be allowed to make it.
LET: Final = "GRANT CREATE ON SCHEMA public TO {name};\n"
FORBID: Final = "REVOKE CREATE ON SCHEMA public FROM {name};\n"
IS_EMPTY: Final = """
    SELECT NOT EXISTS (SELECT
                         FROM pg_class
                        WHERE relnamespace = 'public'::regnamespace)
"""
PLAIN_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*")


class ArchiveError(Exception):
    """A backup or a restore could not be made, for the reason that it says."""


def back_up(folder: Path) -> Inventory:
    """Dump the database and take its inventory, both as of one moment. Nobody waits for it."""
    if folder.exists():
        raise ArchiveError(f"{folder} is there already. Name a folder that is not.")
    # Under another name until all of it is there: half a backup must not look like one.
    draft = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone()
        roles = _roles()
        with _running(
            "pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={draft / DUMP}"
        ):
            found = inventory.take()
    (draft / BEFORE).write_text(_before(roles))
    (draft / AFTER).write_text(_after(roles))
    (draft / INVENTORY).write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    _write_sums(draft)
    for path in draft.iterdir():
        path.chmod(0o600)
        _keep(path)
    draft.rename(folder)
    _keep(folder.parent)
    return found


def restore(folder: Path, *, jobs: int) -> None:
    """Fill an empty database from a backup. What fails leaves a database to be dropped."""
    check_sums(folder)
    with connection.cursor() as cursor:
        cursor.execute(IS_EMPTY)
        if cursor.fetchone() != (True,):
            raise ArchiveError(
                "The database is not empty. Make a new one, and name it in DATABASE_URL."
            )
        cursor.execute((folder / BEFORE).read_text())
    with _running("pg_restore", "--exit-on-error", f"--jobs={jobs}", str(folder / DUMP)):
        pass
    with connection.cursor() as cursor:
        cursor.execute((folder / AFTER).read_text() or "SELECT")


def read_inventory(folder: Path) -> Inventory:
    try:
        return msgspec.json.decode((folder / INVENTORY).read_bytes(), type=Inventory)
    except (OSError, msgspec.DecodeError) as error:
        raise ArchiveError(f"{folder} holds no inventory.json that can be read.") from error


def check_sums(folder: Path) -> None:
    """Refuse a backup of which a byte was lost on its way."""
    try:
        lines = (folder / SUMS).read_text().splitlines()
        wrong = [
            name
            for digest, name in (line.split("  ", 1) for line in lines)
            if _sum(folder / name) != digest
        ]
    except (OSError, ValueError) as error:
        raise ArchiveError(f"{folder} is no whole backup: {error}.") from error
    if wrong or len(lines) < len((DUMP, BEFORE, AFTER, INVENTORY)):
        raise ArchiveError(f"{folder} is damaged: {', '.join(wrong) or 'a file is missing'}.")


# The roles, which belong to the server and are in no dump


def _roles() -> list[tuple[str, bool, bool, bool, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(ROLES)
        found: list[tuple[str, bool, bool, bool, bool]] = cursor.fetchall()
    for name, *_ in found:
        if not PLAIN_NAME.fullmatch(name):
            raise ArchiveError(f"The name of the role {name!r} is not plain: rename it.")
    return found


def _before(roles: list[tuple[str, bool, bool, bool, bool]]) -> str:
    written = []
    for name, logs_in, inherits, is_ours, makes in roles:
        login, inherit = "LOGIN" if logs_in else "NOLOGIN", "INHERIT" if inherits else "NOINHERIT"
        written.append(MAKE_ROLE.format(name=name, login=login, inherit=inherit))
        written += [JOIN.format(name=name)] * is_ours
        written += [LET.format(name=name)] * makes
    return "".join(written)


def _after(roles: list[tuple[str, bool, bool, bool, bool]]) -> str:
    return "".join(FORBID.format(name=name) for name, *_, makes in roles if makes)


# PostgreSQL's own programs


@contextmanager
def _running(program: str, *arguments: str) -> Iterator[None]:
    """Run a program on our database beside the block, and wait for its end."""
    parameters, secret = _address()
    process = subprocess.Popen(  # noqa: S603  PostgreSQL's own, with our arguments.
        [str(_find(program)), "--no-password", "--dbname", parameters, *arguments],
        env={**os.environ, "PGPASSWORD": secret},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield
        _, said = process.communicate()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode:
        # The first complaint alone: later lines may quote rows.
        first = next(iter(said.splitlines()), "").partition("\n")[0]
        raise ArchiveError(f"{program} failed: {first}")


def _address() -> tuple[str, str]:
    """Give Django's address for libpq, and the password apart: arguments can be seen by all."""
    found: dict[str, Any] = connection.get_connection_params()
    for name in ("cursor_factory", "context", "server_side_binding", "prepare_threshold"):
        found.pop(name, None)
    password = found.pop("password", "")
    return make_conninfo(**found), password


def _find(program: str) -> Path:
    """Find a program that is not older than the server, the nearest version first."""
    connection.ensure_connection()
    server = int(connection.connection.info.server_version) // 10_000
    found = {major: path for path in _candidates(program) if (major := _major(path)) >= server}
    if not found:
        raise ArchiveError(
            f"There is no {program} of PostgreSQL {server} or later: install the client of that"
            " version, or name its folder in POSTGRES_BIN."
        )
    return found[min(found)]


def _candidates(program: str) -> Iterator[Path]:
    with suppress(SetupError):
        yield postgres.find_binaries() / program
    if path := shutil.which(program):
        yield Path(path)
    yield from Path("/usr/lib/postgresql").glob(f"*/bin/{program}")


def _major(program: Path) -> int:
    try:
        said = subprocess.check_output([program, "--version"], text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = re.search(r"\) (\d+)", said)
    return int(match[1]) if match else 0


# Files


def _write_sums(folder: Path) -> None:
    sums = [f"{_sum(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / SUMS).write_text("".join(sums))


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _keep(path: Path) -> None:
    """Wait until the disk has it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
