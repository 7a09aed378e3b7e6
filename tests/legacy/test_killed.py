"""migrate_v1 ended by SIGKILL at any moment leaves whole people only, and goes on from there."""

import random
import time

import pytest

from tests.legacy import old_databases
from tests.legacy.novara import Novara, kill, wait_until
from tests.legacy.old_databases import read

PEOPLE, CHECKINS = 24, 25
HALF = """
    SELECT count(*)
      FROM users u
     WHERE NOT EXISTS (SELECT FROM legacy_imports i WHERE i.user_id = u.id)
        OR (SELECT count(*) FROM daily_checkins c WHERE c.user_id = u.id) <> %s
        OR (SELECT count(*) FROM insights n WHERE n.user_id = u.id) <> 3
        OR (SELECT count(*) FROM daily_checkins c
             WHERE c.user_id = u.id AND NOT EXISTS (
                   SELECT FROM health_events e WHERE e.correlation_id = c.id)) > 0
        OR NOT EXISTS (SELECT FROM user_profiles p WHERE p.user_id = u.id)
"""
# A transaction that has written something and goes on.
WRITING = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE datname = current_database()
       AND pid <> pg_backend_pid()
       AND backend_xid IS NOT NULL
"""


def imported(novara: Novara) -> int:
    count: int = novara.value("SELECT count(*) FROM legacy_imports")
    return count


def kill_when(novara: Novara, source: str, *, people: int, wait: float, is_writing: bool) -> bool:
    """Start a run, and kill it when so many people are here and, if so wished, amid the next."""
    process = novara.start("migrate_v1", "--from", source)
    wait_until(
        lambda: (
            imported(novara) >= people and (not is_writing or novara.value(WRITING) > 0)
        ) or process.poll() is not None
    )  # fmt: skip
    time.sleep(wait)
    was_alive = kill(process)
    novara.wait_until_left()
    return was_alive


def test_ends_as_if_nothing_had_happened(novara, empty_novara):
    rng = random.Random(7)  # noqa: S311
    with (
        old_databases.v1(people=PEOPLE, checkins=CHECKINS, seed=3) as source,
        old_databases.database(empty_novara.name) as address,
    ):
        undisturbed = Novara(address)
        assert undisturbed.bring(source).code == 0
        kills = 0
        stood = []
        for number in range(10):
            kills += kill_when(
                novara,
                source,
                people=2 * number,
                wait=rng.random() * 0.02,
                is_writing=number % 2 == 0,
            )
            stood.append(imported(novara))
            assert novara.value(HALF, CHECKINS) == 0
            people = novara.value("SELECT count(*) FROM users")
            assert people == stood[-1]

        last = novara.bring(source)

        assert kills >= 8
        assert stood == sorted(stood)
        assert len(set(stood)) > 4
        assert last.code == 0, last.said[-2000:]
        assert last.report["people"]["already_here"] == stood[-1]
        assert last.report["people"]["brought"] == PEOPLE - stood[-1]
        assert novara.content() == undisturbed.content()


@pytest.mark.parametrize("people", [1, 6])
def test_is_in_step_after_an_undo_that_was_killed(novara, people):
    before = novara.content()
    with old_databases.v1(people=PEOPLE // 2, checkins=CHECKINS, seed=4) as source:
        assert novara.bring(source).code == 0
        whole = novara.content()
        process = novara.start("migrate_v1", "--undo")
        wait_until(lambda: imported(novara) <= PEOPLE // 2 - people or process.poll() is not None)
        was_alive = kill(process)
        novara.wait_until_left()

        assert was_alive
        assert novara.value(HALF, CHECKINS) == 0
        undone = novara.undo()

        assert undone.code == 0, undone.said[-2000:]
        assert novara.content() == before
        assert novara.bring(source).code == 0
        assert novara.content() == whole
        assert len(read(source, "TABLE users")) == imported(novara)
