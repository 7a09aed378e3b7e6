"""Each change of a flag, of a plan for one and of a request is in the audit log, without people."""

from typing import Any

import msgspec
from django.db import connection
from django.utils import timezone

from flags import services
from flags.models import FeatureFlag
from flags.services import approving, ramping, transfer
from flags.services.ramping import RampStep
from flags.targeting import email_hash
from tests.flag_sets import TESTER

SECOND = services.Actor("second@example.com")
ENTRIES = """
SELECT event, details::text
  FROM audit_logs
 WHERE object_type = %s
   AND category = 'change'
 ORDER BY id
"""


def entries(table):
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, [table])
        return cursor.fetchall()


def said(table, count):
    """Give the newest entries of a table: what happened, and what is told of it."""
    return entries(table)[-count:]


def test_tells_each_change_of_a_flag(flags, alice):
    now, before = timezone.now(), len(entries("feature_flags"))
    hidden = {
        "enabled_user_ids": [alice.id],
        "enabled_user_emails": [email_hash("told", alice.email)],
        "owner": alice.email,
        "description": f"Ask {alice.email}.",
    }
    told: dict[str, Any] = {"key": "told", "actor": TESTER, "now": now}

    flags.make("told", **hidden)
    flags.roll_out("told", 50)
    services.kill_flag(**told)
    services.restore_flag(**told, reason="Again.")
    services.revert_flag(**told, version=1, base_version=4)
    document = transfer.export_flags(["told"]).replace(
        b'"record_all": false', b'"record_all": true'
    )
    transfer.import_flags(document=document, actor=TESTER, reason="A test.", now=now)
    services.delete_flag(**told, reason="A test.")

    found = entries("feature_flags")[before:]
    assert [event for event, _ in found] == [
        *("row-inserted", *["row-updated"] * 5, "row-deleted"),
    ]
    changed = [set(msgspec.json.decode(details)["changed"]) for _, details in found[1:-1]]
    assert [{"is_enabled", "record_all", "variants"} & one for one in changed] == [
        *({"variants"}, {"is_enabled"}, {"is_enabled"}, {"variants"}, {"record_all"}),
    ]
    everything = " ".join(details or "" for _, details in found)
    secrets = ("@", str(alice.id), email_hash("told", alice.email))
    assert not [one for one in secrets if one in everything]
    assert '"told"' in everything


def test_tells_what_becomes_of_plans_and_requests(flags):
    flag, now = flags.make("planned"), timezone.now()
    told: dict[str, Any] = {"actor": TESTER, "now": now}

    ramp = ramping.plan_ramp(
        key="planned", steps=[RampStep(5.0)], guard=None, reason="For a@example.com.", **told
    )
    ramping.cancel_ramp(ramp_id=ramp.id, **told)
    wanted = msgspec.structs.replace(flag.definition, owner="b@example.com")
    request = approving.request_change(definition=wanted, base_version=1, reason="Why.", **told)
    approving.approve_change(request_id=request.id, actor=SECOND, now=now)

    tables = ("feature_flag_ramps", "feature_flag_change_requests")
    found = [one for table in tables for one in said(table, 2)]
    assert [event for event, _ in found] == ["row-inserted", "row-updated"] * 2
    assert not [details for _, details in found if "@" in details]
    assert FeatureFlag.objects.get(flag_name="planned").owner == "b@example.com"
