"""A pytest plugin that starts the embedded servers before the settings are read.

Named by pyproject.toml with `-p`, as conftest.py comes too late for that. Workers of xdist
inherit the addresses from the process that started the servers.
"""

import os
from contextlib import ExitStack
from typing import Any

_servers = ExitStack()

if "NOVARA_TESTS" not in os.environ:
    from config.dev import throwaway

    os.environ.update(_servers.enter_context(throwaway.servers()))
    os.environ["NOVARA_TESTS"] = "on"
    # Nothing of a developer's own installation must reach the tests.
    os.environ["NOVARA_ENV_FILE"] = os.devnull
    os.environ["LOG_LEVEL"] = "INFO"
    # Tests would meet each other's buckets; those of limits switch them on.
    os.environ["RATE_LIMITS"] = "False"


def pytest_unconfigure(config: Any) -> None:
    if not hasattr(config, "workerinput"):
        _servers.close()
