"""The alert rules of docs/howto/documents-alerts.md ask for figures that there are."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from documents.failures import Code
from documents.models import DocumentAttempt
from documents.statuses import STAGES
from tests.documents.papers import make_document
from tests.house.catalog import rows

PAGE = Path(settings.ROOT) / "docs" / "howto" / "documents-alerts.md"


def rules() -> list[dict[str, Any]]:
    ((text),) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (group,) = yaml.safe_load(text)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


@pytest.fixture
def samples(nobody, alice):
    """Every figure, of an installation in which a stage has just succeeded."""
    document = make_document(alice, is_stored=False)
    ((now,),) = rows("SELECT now()")
    DocumentAttempt.objects.create(
        tenant_id=alice.tenant_id,
        user_id=alice.id,
        document=document,
        run=1,
        stage="processing",
        number=1,
        fence=1,
        worker="here:1",
        started_at=now,
        ended_at=now,
        outcome="succeeded",
    )
    text = nobody.call("GET", "/metrics").content.decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def test_name_figures_that_there_are(samples):
    known = {sample.name for sample in samples}

    asked = {name for rule in rules() for name in re.findall(r"novara_\w+", rule["expr"])}

    assert asked <= known
    assert len(asked) >= 5
    assert {name for name in known if "document" in name} == set(
        re.findall(r"^\| `(novara_\w+)`", PAGE.read_text(), re.MULTILINE)
    )


def test_name_words_that_there_are(samples):
    known = {value for sample in samples for value in sample.labels.values()} | {"failed"}

    asked = {
        word
        for rule in rules()
        for words in re.findall(r'(?:status|code|outcome)=~?"([^"]*)"', rule["expr"])
        for word in words.split("|")
    }

    assert asked <= known
    assert set(map(str, STAGES)) <= asked


def test_tell_what_is_wrong_and_what_to_do():
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert {"summary", "action"} <= rule["annotations"].keys()


def test_say_something_of_every_failure_that_no_owner_can_mend():
    owners = {
        *(Code.PASSWORD_REQUIRED, Code.NO_TEXT, Code.UNSUPPORTED, Code.DAMAGED),
        *(Code.RESOURCE_LIMIT, Code.TYPE_MISMATCH, Code.UPLOAD_INTERRUPTED, Code.PROVIDER_REJECTED),
    }

    told = " ".join(rule["expr"] for rule in rules())

    assert {code for code in Code if code not in told} == owners
