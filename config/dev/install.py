"""Make .venv and fill it: `python3 config/dev/install.py requirements.txt [options of pip]`.

Runs with whatever Python is there, before anything is installed: standard library only.
"""

import os
import subprocess
import sys
import venv
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def main(requirements: str, *options: str) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036  Whatever Python is there runs this.
        sys.stderr.write("Novara needs Python 3.11 or later: install one, then try again.\n")
        return 1
    if not _works():
        sys.stdout.write("Making .venv …\n")
        sys.stdout.flush()
        try:
            venv.create(VENV, with_pip=True, clear=True)
        except (OSError, subprocess.CalledProcessError):
            sys.stderr.write(
                "Python could not make a virtual environment. On Debian and Ubuntu its parts are "
                "in a package of their own: install python3-venv, then try again.\n"
            )
            return 1
    return _install(requirements, *options)


def _works() -> bool:
    """A folder copied from elsewhere, or made by a Python that is gone, does not."""
    question = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        done = subprocess.run([PYTHON, "-c", question], check=False, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def _install(requirements: str, *options: str) -> int:
    """Show pip's work as one line that counts; its own words only if it fails."""
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", *options]
    command += ["-r", requirements]
    settings = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    last: deque[str] = deque(maxlen=15)
    count, on_terminal = 0, sys.stdout.isatty()
    sys.stdout.write(f"Installing {requirements} (a minute or two the first time) …\n")
    sys.stdout.flush()
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **settings}, text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as pip:  # fmt: skip
        for line in pip.stdout or ():
            last.append(line)
            if line.startswith("Collecting "):
                count += 1
            if on_terminal:
                sys.stdout.write(f"\r  {count} packages found\033[K")
                if line.startswith("Installing collected"):
                    sys.stdout.write("\r  putting them in place\033[K")
                sys.stdout.flush()
    if pip.returncode:
        sys.stderr.write("".join(last))
        sys.stderr.write(
            "\npip could not install what Novara needs: check the network and pip's own settings "
            "(PIP_INDEX_URL, PIP_PROXY …), then try again.\n"
        )
        return 1
    sys.stdout.write(f"{chr(13) if on_terminal else ''}✓ {requirements} is installed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
