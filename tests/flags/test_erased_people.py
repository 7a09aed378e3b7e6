"""Who is erased is on no list of a flag any more: not now, not before, not in what waits."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts import services as accounts
from flags import services
from flags.models import FeatureFlag, FeatureFlagVersion, FlagRuleSet
from flags.services import approving
from flags.services.changing import lock
from flags.targeting import email_hash
from flags.types import Variant
from tests.factories import make_tenant, make_user
from tests.flag_sets import TESTER, Flags
from tests.health.threads import then_close, wait_until_blocked

SECOND = services.Actor("second@example.com")


def erase(user):
    accounts.erase_person(user_id=user.id, requested_by="a test", reason="A test.")


def delete(user):
    """As somebody would by hand, who owns the tables."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM user_profiles WHERE user_id = %s", [user.id])
        cursor.execute("DELETE FROM users WHERE id = %s", [user.id])


def texts_of_versions():
    """Each definition as it is written, by flag; here each has one version."""
    found = FeatureFlagVersion.objects.values_list("flag_name", "definition_json")
    return {key: text or "" for key, text in found}


def listed(key, *people):
    """Lists on which people are, by id and by address."""
    return {
        "enabled_user_ids": [one.id for one in people],
        "disabled_user_emails": [email_hash(key, one.email) for one in people],
    }


def test_takes_people_off_all_lists(flags):
    gone, stays = make_user(), make_user()
    flags.make(
        "first",
        enabled_user_ids=[gone.id, stays.id],
        disabled_user_emails=[email_hash("first", one.email) for one in (stays, gone)],
    )
    flags.make("second", disabled_user_ids=[gone.id])

    erase(gone)

    first = FeatureFlag.objects.get(flag_name="first")
    assert first.enabled_user_ids == [stays.id]
    assert first.disabled_user_emails == [email_hash("first", stays.email)]
    assert FeatureFlag.objects.get(flag_name="second").disabled_user_ids == []


@pytest.mark.parametrize("leave", [erase, delete])
def test_takes_people_out_of_the_history(flags, leave):
    gone, stays = make_user(), make_user()
    flags.make("listed", **listed("listed", gone, stays))
    flags.change("listed", **listed("listed", stays))
    flags.make("deleted", **listed("deleted", stays, gone))
    flags.delete("deleted")
    columns = ("id", "flag_name", "version", "kind", "reason", "changed_by", "changed_at")
    before = list(FeatureFlagVersion.objects.order_by("id").values_list(*columns))

    leave(gone)

    definitions = [
        one.definition
        for one in FeatureFlagVersion.objects.filter(flag_name__in=["listed", "deleted"])
    ]
    found = [msgspec.structs.asdict(one) for one in definitions if one]
    assert {tuple(one["enabled_user_ids"]) for one in found} == {(stays.id,)}
    assert {tuple(one["disabled_user_emails"]) for one in found} == {
        (email_hash(key, stays.email),) for key in ("listed", "deleted")
    }
    assert len(found) == 3
    assert list(FeatureFlagVersion.objects.order_by("id").values_list(*columns)) == before


def test_brings_nobody_back_who_was_erased(flags):
    gone, stays = make_user(), make_user()
    flags.make("reverted", **listed("reverted", gone, stays))
    flags.change("reverted", enabled_user_ids=[], disabled_user_emails=[])
    flag = flags.make("asked")
    wanted = msgspec.structs.replace(flag.definition, **listed("asked", stays, gone))
    request = approving.request_change(
        definition=wanted, base_version=1, reason="A test.", actor=TESTER, now=timezone.now()
    )

    erase(gone)
    services.revert_flag(
        key="reverted", version=1, base_version=2, actor=TESTER, now=timezone.now()
    )
    approving.approve_change(request_id=request.id, actor=SECOND, now=timezone.now())

    for key in ("reverted", "asked"):
        now = FeatureFlag.objects.get(flag_name=key)
        assert now.enabled_user_ids == [stays.id]
        assert now.disabled_user_emails == [email_hash(key, stays.email)]


def test_leaves_all_else_of_the_history_as_it_is(flags):
    gone, stays = make_user(), make_user()
    told = {"people": [str(gone.id)], "one": 1.0, "big": 1e22, "text": 'a "quoted" ü'}
    fields = {"variants": [Variant("on", told), Variant("off", {})], "value_type": "object"}
    flags.make("rich", **fields, **listed("rich", gone, stays))
    flags.make("other", **listed("other", stays))
    texts = texts_of_versions()

    erase(gone)

    after = texts_of_versions()
    rich = msgspec.json.decode(after.pop("rich"))
    expected = msgspec.json.decode(texts.pop("rich")) | {
        "enabled_user_ids": [str(stays.id)],
        "disabled_user_emails": [email_hash("rich", stays.email)],
    }
    assert repr(rich) == repr(expected)
    assert after == texts


def test_changes_no_flag_for_people_on_no_list(flags):
    gone = make_user()
    before = FlagRuleSet.objects.get().version

    erase(gone)

    assert FlagRuleSet.objects.get().version == before


@pytest.mark.parametrize("is_listed", [True, False])
def test_waits_for_whoever_changes_a_flag(flags_put_back, database_url, is_listed):
    gone, key = make_user(make_tenant()), f"listed-{uuid.uuid4().hex[:12]}"
    fields = listed(key, gone)
    flags = Flags()
    flags.make(key, **(fields if is_listed else {}))

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock(key)
            erasing = pool.submit(then_close, partial(erase, gone))
            wait_until_blocked(database_url, 1)
            flags.change(key, description="Another one.", **fields)
        erasing.result(timeout=30)

    left = FeatureFlag.objects.get(flag_name=key)
    assert (left.description, left.version) == ("Another one.", 2)
    assert (left.enabled_user_ids, left.disabled_user_emails) == ([], [])
    (newest, *_) = FeatureFlagVersion.objects.filter(flag_name=key)
    assert newest.definition == left.definition
