"""What a wrong setting says, and what it does not say."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

SECRET = "redis://:do-not-show@cache.example/0"


def manage(folder: Path, lines: str) -> subprocess.CompletedProcess[str]:
    file = folder / "run.env"
    file.write_text(lines)
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.ROOT,
        env={"PATH": os.environ["PATH"], "NOVARA_ENV_FILE": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_names_a_broken_line_of_the_file_and_does_not_show_it(tmp_path):
    answer = manage(tmp_path, f"# Ours.\nDEBUG=False\n\n{SECRET}\n")

    assert answer.returncode == 1
    assert answer.stderr.strip().endswith("run.env, line 4: is not NAME=value.")
    assert "do-not-show" not in answer.stdout + answer.stderr


def test_says_what_is_missing_in_one_sentence(tmp_path):
    answer = manage(tmp_path, "")

    assert answer.returncode == 1
    assert answer.stderr == "DATABASE_URL is not set. Start the embedded server with `make up`.\n"


def test_holds_the_api_to_the_hosts_it_answers_to(db, nobody):
    for path in ("/api/health", "/api/v2/status"):
        answer = nobody.call("GET", path, host="elsewhere.example")

        assert answer.status_code == 400
        assert "ALLOWED_HOSTS" in answer.content.decode()
        assert answer.headers["Content-Type"].startswith("application/")
