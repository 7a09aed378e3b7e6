"""The embedded servers of `config/dev`, started, killed and stopped for real."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from config.dev import environment, postgres, valkey
from config.dev.processes import SetupError, end, locked, wait_until, with_variable

NEVER: Retry = Retry(NoBackoff(), 0)


@pytest.fixture(autouse=True)
def no_given_binaries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTGRES_BIN", raising=False)


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="novara-test-"))
    folder.chmod(0o711)
    yield folder
    postgres.discard(folder)
    valkey.discard(folder)
    shutil.rmtree(folder)


def start(folder: Path) -> str:
    return postgres.start(folder, durable=False)


def postmaster(folder: Path) -> psutil.Process:
    return psutil.Process(
        int((postgres.where(folder) / "data" / "postmaster.pid").read_text().splitlines()[0])
    )


def valkey_process(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "valkey" / "pid").read_text()))


def has_ended(process: psutil.Process) -> bool:
    """A zombie has: whether it is waited for is the affair of its parent."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    return True


def remember_something(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table memory as select 'kept' as word")


def what_is_remembered(url: str) -> object:
    with psycopg.connect(url) as connection:
        return connection.execute("select word from memory").fetchone()


def test_postgres_gives_the_app_a_role_that_is_no_superuser(folder: Path) -> None:
    with psycopg.connect(start(folder), autocommit=True) as connection:
        role = connection.execute(
            "select current_user, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls"
            " from pg_roles where rolname = current_user"
        ).fetchone()
        connection.execute("create role another nologin")
        connection.execute("create database another_database")
        owner = connection.execute(
            "select pg_get_userbyid(datdba) from pg_database where datname = current_database()"
        ).fetchone()

    assert role == ("novara", False, True, True, False)
    assert owner == ("novara",)


def test_postgres_sorts_by_code_point_and_keeps_utf8(folder: Path) -> None:
    with psycopg.connect(start(folder)) as connection:
        row = connection.execute(
            "select upper('é'), 'Z' < 'a', current_setting('server_encoding'),"
            " current_setting('jit'), current_setting('listen_addresses')"
        ).fetchone()

    assert row == ("É", True, "UTF8", "off", "")


@pytest.mark.parametrize(("durable", "expected"), [(True, ("on",) * 3), (False, ("off",) * 3)])
def test_postgres_gives_up_safety_only_when_told(
    folder: Path, *, durable: bool, expected: tuple[str, ...]
) -> None:
    with psycopg.connect(postgres.start(folder, durable=durable)) as connection:
        found = connection.execute(
            "select current_setting('fsync'), current_setting('synchronous_commit'),"
            " current_setting('full_page_writes')"
        ).fetchone()

    assert found == expected


def test_postgres_is_reused_when_it_runs(folder: Path) -> None:
    first = start(folder)
    process = postmaster(folder)

    assert start(folder) == first
    assert postmaster(folder) == process


def test_postgres_keeps_its_data_when_killed(folder: Path) -> None:
    remember_something(postgres.start(folder))

    os.kill(postmaster(folder).pid, signal.SIGKILL)

    assert wait_until(lambda: not postgres.runs(folder), seconds=5)
    assert what_is_remembered(postgres.start(folder)) == ("kept",)


def test_postgres_starts_when_its_old_number_belongs_to_a_stranger(folder: Path) -> None:
    remember_something(start(folder))
    pid_file = postgres.where(folder) / "data" / "postmaster.pid"
    left_behind = pid_file.read_text().split("\n", 1)[1]
    postgres.stop(folder)

    pid_file.write_text(f"{os.getpid()}\n{left_behind}")

    assert not postgres.runs(folder)
    assert what_is_remembered(start(folder)) == ("kept",)


def test_postgres_never_signals_a_stranger(folder: Path) -> None:
    start(folder)
    pid_file = postgres.where(folder) / "data" / "postmaster.pid"
    postgres.stop(folder)
    pid_file.write_text(f"{os.getpid()}\n")

    postgres.stop(folder)

    pid_file.unlink()


def test_postgres_stops_with_all_its_processes(folder: Path) -> None:
    start(folder)
    process = postmaster(folder)
    family = [process, *process.children(recursive=True)]

    postgres.stop(folder)

    assert len(family) > 3
    assert wait_until(lambda: all(map(has_ended, family)), seconds=5)


def test_postgres_takes_a_folder_too_long_for_a_socket(folder: Path) -> None:
    deep = folder / ("long" * 20) / 'odd\'s, "path" $HOME %20'

    try:
        assert what_is_remembered(_remembering(deep)) == ("kept",)
    finally:
        postgres.discard(deep)


def _remembering(folder: Path) -> str:
    url = start(folder)
    remember_something(url)
    return url


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts it as another user")
def test_postgres_moves_when_its_user_cannot_enter(folder: Path) -> None:
    folder.chmod(0o700)

    remember_something(start(folder))
    home = postgres.where(folder)
    postgres.stop(folder)

    assert not home.is_relative_to(folder)
    assert what_is_remembered(start(folder)) == ("kept",)
    postgres.discard(folder)
    assert not home.exists()


def test_postgres_says_what_to_do_about_wrong_programs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_BIN", "/nowhere")

    with pytest.raises(SetupError, match=r"POSTGRES_BIN is /nowhere.* Correct it\."):
        start(folder)


def test_valkey_is_reused_and_wants_its_password(folder: Path) -> None:
    url = valkey.start(folder)

    with Redis.from_url(url) as client, Redis(port=_port(url), retry=NEVER) as stranger:
        assert client.ping()
        assert valkey.start(folder) == url
        with pytest.raises(AuthenticationError):
            stranger.ping()


def _port(url: str) -> int:
    return urlsplit(url).port or 0


def test_valkey_keeps_its_address_when_killed(folder: Path) -> None:
    url = valkey.start(folder)

    os.kill(valkey_process(folder).pid, signal.SIGKILL)

    assert wait_until(lambda: not valkey.runs(folder), seconds=5)
    assert valkey.start(folder) == url


def test_valkey_takes_another_port_when_its_own_is_taken(folder: Path) -> None:
    other = folder / "other"
    first = valkey.start(folder)
    (other / "valkey").mkdir(parents=True)
    (other / "valkey" / "url").write_text(first)

    try:
        assert _port(valkey.start(other)) != _port(first)
    finally:
        valkey.discard(other)


def test_valkey_stops(folder: Path) -> None:
    valkey.start(folder)
    process = valkey_process(folder)

    valkey.stop(folder)

    assert has_ended(process)
    assert not valkey.runs(folder)


def test_secrets_are_made_once_and_other_lines_kept(tmp_path: Path) -> None:
    path = tmp_path / "run.env"
    environment.write(path, {"DATABASE_URL": "first", "REDIS_URL": "first"})
    before = path.read_text()
    path.write_text(before + "USE_SCHEMA_V2=False\n")

    environment.write(path, {"DATABASE_URL": "second"})

    lines = path.read_text().splitlines()
    secrets = [line for line in before.splitlines() if "SECRET" in line]
    assert len(secrets) == 2
    assert set(lines) >= {*secrets, "USE_SCHEMA_V2=False", "DATABASE_URL=second"}
    assert not [line for line in lines if line.startswith("REDIS_URL")]
    assert path.stat().st_mode & 0o777 == 0o600


def test_processes_are_known_by_their_mark_and_ended(tmp_path: Path) -> None:
    environment_of_child = {**os.environ, "NOVARA_TEST_MARK": str(tmp_path)}
    child = psutil.Popen(["sleep", "60"], env=environment_of_child)

    assert wait_until(
        lambda: [p.pid for p in with_variable("NOVARA_TEST_MARK", str(tmp_path))] == [child.pid],
        seconds=5,
    )
    end([child], grace=5)

    assert not child.is_running()


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock"),
        pytest.raises(BlockingIOError),
        locked(tmp_path / "lock", wait=False),
    ):
        pass


def test_throwaway_servers_are_swept_up_after_a_killed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o711)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    killed = ["-m", "config.dev", "with-servers", "sh", "-c", "kill -9 $PPID"]
    tidy = ["-m", "config.dev", "with-servers", "sh", "-c", "exit 3"]

    first = subprocess.run([sys.executable, *killed], check=False)  # noqa: S603
    left_behind = list(tmp_path.iterdir())
    second = subprocess.run([sys.executable, *tidy], check=False)  # noqa: S603

    assert (first.returncode, second.returncode) == (-signal.SIGKILL, 3)
    assert left_behind
    assert not list(tmp_path.iterdir())
