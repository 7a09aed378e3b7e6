"""Buckets and hashes of e-mails never change: somebody would gain or lose a feature unasked.

The vectors were computed by openssl and bc, not by this program.
"""

import json
from pathlib import Path
from typing import Final

from flags.evaluation import bucket_of
from flags.targeting import email_hash
from tests.house.catalog import rows

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "flags"
VECTORS: Final = json.loads((GOLDEN / "buckets.json").read_text())
BUCKETS: Final = [tuple(one) for one in VECTORS["buckets"]]
EMAILS: Final = [tuple(one) for one in VECTORS["emails"]]


def test_keeps_every_bucket():
    found = [(salt, subject, bucket_of(salt, subject)) for salt, subject, _ in BUCKETS]

    assert len(found) > 30
    assert found == BUCKETS


def test_keeps_every_bucket_in_sql(db):
    found = rows(
        "SELECT v ->> 0, v ->> 1, flag_bucket(v ->> 0, v ->> 1)"
        "  FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS t (v, number) ORDER BY number",
        [json.dumps(BUCKETS)],
    )

    assert found == BUCKETS


def test_keeps_every_hash_of_an_email():
    found = [(salt, email, email_hash(salt, email)) for salt, email, _ in EMAILS]

    assert found == EMAILS
    # Three ways to write one address; a letter beyond ASCII is not lowered.
    assert len({one[2] for one in found[:3]}) == 1
    assert found[3][2] != found[4][2]


def test_keeps_every_hash_of_an_email_in_sql(flags):
    for number, (salt, _, digest) in enumerate(EMAILS):
        flags.make(f"e-mail-{number}", salt=salt, enabled_user_emails=[digest])

    found = rows(
        "SELECT evaluate_feature_flag('e-mail-' || number - 1, p_user_email => v ->> 1)"
        "  FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS t (v, number)",
        [json.dumps(EMAILS)],
    )

    assert found == [(True,)] * len(EMAILS)
