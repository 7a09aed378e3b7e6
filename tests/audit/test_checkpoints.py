"""Chains are signed when they have grown, and copies lie outside the database."""

import json
import uuid

from django.utils import timezone

from audit import chain, checkpoints
from audit.models import AuditCheckpoint
from core.requests import JsonLines
from tests.audit import chains
from tests.audit.chains import kinds, report

KEY = {"next": bytes(range(32))}


def test_signs_the_chains_that_have_grown(own_log):
    clinic, other = uuid.uuid4(), uuid.uuid4()
    chains.write(clinic)
    chains.write(other)
    chains.seal()
    chains.sign()
    chains.write(clinic)
    chains.seal()

    written = checkpoints.write(now=timezone.now())

    assert written is not None
    statement = chain.Statement.of(written.statement)
    before = AuditCheckpoint.objects.get(number=written.number - 1)
    assert [(head.tenant, head.link) for head in statement.heads] == [(clinic, 2)]
    assert statement.previous == chain.digest(before.statement)
    assert checkpoints.write(now=timezone.now()) is None


def test_lies_in_the_mirror_once(own_log):
    chains.history()
    paths = sorted(own_log.glob("*/*.json"))
    contents = [path.read_bytes() for path in paths]

    AuditCheckpoint.objects.update(mirrored_at=None)
    copied = checkpoints.mirror()

    assert (copied, len(paths)) == (2, 2)
    assert [path.read_bytes() for path in sorted(own_log.glob("*/*.json"))] == contents
    assert [oct(path.stat().st_mode)[-3:] for path in paths] == ["600", "600"]
    assert report().mirrored == 2


def test_is_told_in_a_line_of_the_log(own_log, caplog):
    chains.history()

    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]

    told = [line for line in lines if line["message"] == "audit checkpoint"]
    assert [line["checkpoint"] for line in told] == [1, 2]
    one = AuditCheckpoint.objects.get(number=2)
    assert told[1]["statement_sha256"] == chain.digest(one.statement)
    assert told[1]["signature"] == one.signature


def test_catches_up_when_the_mirror_is_back(own_log):
    away = own_log.with_name("away")
    own_log.rename(away)
    chains.history()

    while_away = AuditCheckpoint.objects.filter(mirrored_at__isnull=True).count()
    away.rename(own_log)
    copied = checkpoints.mirror()

    assert (while_away, copied) == (2, 2)
    assert len(list(own_log.glob("*/*.json"))) == 2
    assert (report().mirrored, report().not_mirrored) == (2, 0)


def test_overwrites_nothing(own_log):
    chains.history()
    (path, _) = sorted(own_log.glob("*/*.json"))
    path.write_bytes(b"something else")

    AuditCheckpoint.objects.update(mirrored_at=None)
    copied = checkpoints.mirror()

    assert copied == 1
    assert path.read_bytes() == b"something else"
    assert "mirror-changed" in kinds()


def test_goes_on_with_a_new_key(own_log, settings):
    found = chains.history()
    old = settings.AUDIT_SIGNING_KEYS
    settings.AUDIT_SIGNING_KEYS = KEY | old
    chains.write(found.clinic)
    chains.seal()
    chains.sign()

    with_both = kinds()
    settings.AUDIT_SIGNING_KEYS = KEY

    assert with_both == []
    assert (
        set(kinds()) == {"checkpoint-forged", "mirror-changed"}
        or kinds() == ["checkpoint-forged"] * 2
    )
    assert AuditCheckpoint.objects.get(number=3).key_id == "next"
