"""`python -m tests.proof`: prove that nobody sees what is not theirs, on an installation of its own."""

import argparse
import secrets
import signal
import sys
from importlib import import_module
from pathlib import Path

import django

from config.dev.processes import SetupError
from config.dev.progress import say
from tests.proof import installation

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with installation.servers() as folder, installation.processes(folder) as running:
            django.setup()
            session = import_module("tests.proof.session")
            code: int = session.run(running, options)
    except SetupError as error:
        say(f"\n{error}")
        return 1
    return code


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="what fits into a minute, for CI")
    parser.add_argument("--seed", type=int, default=None, help="of a run that is to be repeated")
    parser.add_argument("--report", type=Path, default=ROOT / ".dev" / "proof" / "report.html")
    parser.add_argument(
        "--postgres-defaults",
        action="store_true",
        help="let PostgreSQL log as it does by itself, not as our launcher has it",
    )
    parser.add_argument("--only", nargs="*", help="parts, while mending one: policies mutate")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = secrets.randbelow(1_000_000)
    return options


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("\nInterrupted; everything that was started has been ended.")
        sys.exit(130)
