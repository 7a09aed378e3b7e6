"""The words of `python -m config.dev`."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from config.dev import environment, postgres, run, services, throwaway, valkey
from config.dev.processes import SetupError, wait_until
from config.dev.progress import say, step

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".dev"


def start_servers() -> dict[str, str]:
    """Start what the environment does not name, and note the addresses in run.env."""
    FOLDER.mkdir(exist_ok=True)
    addresses = {}
    if os.environ.get("DATABASE_URL"):
        say("✓ PostgreSQL: the one that DATABASE_URL names")
    else:
        with step(f"PostgreSQL {postgres.version()} (embedded)"):
            addresses["DATABASE_URL"] = postgres.start(FOLDER)
        _say_where()
    if os.environ.get("REDIS_URL"):
        say("✓ Redis: the one that REDIS_URL names")
    else:
        with step(f"Valkey {valkey.version()} (embedded)"):
            addresses["REDIS_URL"] = valkey.start(FOLDER)
    environment.write(FOLDER / "run.env", addresses)
    return addresses


def _say_where() -> None:
    home = postgres.where(FOLDER)
    if home.parent != FOLDER:
        say(f"  its data lie in {home}: the user it runs as cannot enter {FOLDER}")


def up(_: argparse.Namespace) -> int:
    for name, value in start_servers().items():
        say(f"  {name}={value}")
    say(f"  noted in {FOLDER}/run.env; make down stops them")
    return 0


def down(_: argparse.Namespace) -> int:
    if pid := run.running_pid(FOLDER):
        with step(f"running Novara (process {pid})"):
            os.kill(pid, signal.SIGTERM)
            if not wait_until(lambda: not run.running_pid(FOLDER), seconds=60):
                raise SetupError(f"Process {pid} does not end: end it with kill -9 {pid}.")
    if not FOLDER.exists():
        return 0
    services.end_orphans(FOLDER, grace=3)
    for name, server in (("Valkey", valkey), ("PostgreSQL", postgres)):
        if server.runs(FOLDER):
            with step(f"{name} stopped"):
                server.stop(FOLDER)
    say("Everything has stopped; data stays in .dev/.")
    return 0


def status(_: argparse.Namespace) -> int:
    pid = run.running_pid(FOLDER)
    say(f"Novara      {f'runs (process {pid})' if pid else 'does not run'}")
    for name, server in (("PostgreSQL", postgres), ("Valkey", valkey)):
        say(f"{name:<11} {'runs' if server.runs(FOLDER) else 'does not run'}")
    say(f"Data        {postgres.where(FOLDER)}")
    say(f"Settings    {FOLDER}/run.env")
    return 0


def run_all(_: argparse.Namespace) -> int:
    port = os.environ.get("PORT") or "8000"
    if not port.isdigit() or not 0 < int(port) <= run.LAST_PORT:
        raise SetupError(f"PORT is {port!r}: give a number from 1 to 65535.")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "logs").mkdir(exist_ok=True)
    os.chdir(ROOT)
    return run.Run(FOLDER, os.environ.get("HOST") or "127.0.0.1", int(port), start_servers)()


def with_servers(options: argparse.Namespace) -> int:
    """Run a command with servers of its own, which are gone when it ends."""
    if not options.command:
        raise SetupError("There is nothing to run: add a command after with-servers.")
    signal.signal(signal.SIGTERM, _exit)
    with throwaway.servers() as variables:
        # The file of the developer's own servers must not fill in what is missing here.
        variables["NOVARA_ENV_FILE"] = os.devnull
        command = subprocess.Popen(options.command, env={**os.environ, **variables})
        # Ctrl-C reaches the command too: let it end in its own way.
        signal.signal(signal.SIGINT, lambda *_: None)
        try:
            code = command.wait()
        finally:
            if command.poll() is None:
                command.terminate()
                command.wait()
    return code if code >= 0 else 128 - code


def _exit(*_: object) -> None:
    sys.exit(128 + signal.SIGTERM)


def clean(options: argparse.Namespace) -> int:
    """Stop everything and delete .dev/ with all data, wherever they lie."""
    down(options)
    if FOLDER.exists():
        postgres.discard(FOLDER)
        shutil.rmtree(FOLDER)
    return 0


WORDS: dict[str, tuple[Callable[[argparse.Namespace], int], str]] = {
    "up": (up, "start the embedded servers"),
    "run": (run_all, "start everything; Ctrl-C stops it"),
    "down": (down, "stop everything; data stays"),
    "status": (status, "say what runs"),
    "with-servers": (with_servers, "run a command with throwaway servers"),
    "clean": (clean, "stop everything and delete the data"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.dev", description=__doc__)
    words = parser.add_subparsers(required=True, metavar="WORD")
    for word, (function, purpose) in WORDS.items():
        subparser = words.add_parser(word, help=purpose)
        subparser.set_defaults(function=function)
        if word == "with-servers":
            subparser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # An old terminal.
    try:
        code: int = options.function(options)
    except SetupError as error:
        say(f"\n{error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
