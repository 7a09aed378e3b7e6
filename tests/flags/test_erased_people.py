"""Who is erased is on no list of a flag any more."""

from accounts import services as accounts
from flags.models import FeatureFlag, FlagRuleSet
from flags.targeting import email_hash
from tests.factories import make_user


def test_takes_people_off_all_lists(flags):
    gone, stays = make_user(), make_user()
    flags.make(
        "first",
        enabled_user_ids=[gone.id, stays.id],
        disabled_user_emails=[email_hash("first", one.email) for one in (stays, gone)],
    )
    flags.make("second", disabled_user_ids=[gone.id])

    accounts.erase_person(user_id=gone.id, requested_by="a test", reason="A test.")

    first = FeatureFlag.objects.get(flag_name="first")
    assert first.enabled_user_ids == [stays.id]
    assert first.disabled_user_emails == [email_hash("first", stays.email)]
    assert FeatureFlag.objects.get(flag_name="second").disabled_user_ids == []


def test_changes_no_flag_for_people_on_no_list(flags):
    gone = make_user()
    before = FlagRuleSet.objects.get().version

    accounts.erase_person(user_id=gone.id, requested_by="a test", reason="A test.")

    assert FlagRuleSet.objects.get().version == before
