import pytest

from insights.catalogue import text_of
from insights.generators import micro
from tests.insights.facts import TODAY, checkin, facts

LOW = {"confidence_meds": 4, "confidence_costs": 4}
STRONG = {"confidence_meds": 7, "confidence_costs": 7, "confidence_overall": 7}


@pytest.mark.parametrize(
    ("profile", "form", "kind"),
    [
        (LOW | {"cycle_stage": "stimulation"}, {}, "micro_stimulation"),
        (LOW, {}, "micro_medication_and_costs"),
        (LOW | {"confidence_costs": 5}, {}, "micro_profile"),
        (STRONG | {"top_concern": "costs"}, {}, "micro_strong_with_concern"),
        (STRONG, {}, "micro_profile"),
        (STRONG | {"confidence_costs": 6, "top_concern": "costs"}, {}, "micro_profile"),
        ({"cycle_stage": "transfer", "confidence_overall": 6}, {}, "micro_transfer"),
        ({"cycle_stage": "transfer", "confidence_overall": 5}, {}, "micro_profile"),
        ({"cycle_stage": "considering"}, {}, "micro_considering"),
        ({"primary_need": "financial_planning"}, {}, "micro_financial"),
        ({"primary_need": "procedure_info"}, {}, "micro_procedure"),
        ({}, {"mood_today": "overwhelmed", "confidence_today": 4}, "micro_overwhelmed"),
        ({}, {"mood_today": "overwhelmed", "confidence_today": 5}, "micro_after_checkin"),
        ({}, {"mood_today": "anxious, hopeful"}, "micro_mixed_feelings"),
        ({}, {"mood_today": "anxious"}, "micro_after_checkin"),
        ({}, {"mood_today": "grateful", "confidence_today": 7}, "micro_grateful"),
        ({}, {"mood_today": "grateful", "confidence_today": 6}, "micro_after_checkin"),
        ({"cycle_stage": "unknown"}, {}, "micro_beginning"),
    ],
)
def test_picks_the_most_pressing_and_specific(profile, form, kind):
    stored = micro(facts(*([checkin(**form)] if form else []), profile=profile))
    sent = micro(facts(), onboarding=profile, checkin=form)

    assert stored.type == sent.type == kind
    assert stored.occasion == f"micro:{TODAY}"


def test_rests_on_the_stored_checkin_unless_another_was_sent():
    today = facts(checkin(mood_today="grateful", confidence_today=8))

    assert len(micro(today).evidence) == 1
    assert micro(today, checkin={"mood_today": "tired"}).evidence == ()


def test_lets_what_was_sent_stand_in_for_the_profile():
    anna = facts(profile={"nickname": "Anna", "cycle_stage": "considering"})

    found = micro(anna, onboarding={"cycle_stage": "pregnant", "primary_need": "financial"})

    assert found.type == "micro_financial"
    assert "Anna" in text_of(found).message


@pytest.mark.parametrize(("nickname", "start"), [("Anna", "Hi Anna. B"), ("Na", "Hi Na. B")])
def test_says_the_nickname(nickname, start):
    message = text_of(micro(facts(profile={"nickname": nickname}))).message

    assert message.startswith(start)


@pytest.mark.parametrize("nickname", ["", "  ", "User", None, 7, ["Anna"], {"a": 1}])
def test_leaves_out_what_is_no_nickname(nickname):
    message = text_of(micro(facts(profile={"nickname": nickname}))).message

    assert message.startswith("Begin")


@pytest.mark.parametrize("sent", [[], "text", 7, None, {"mood_today": {"a": [1]}}])
def test_takes_whatever_was_sent(sent):
    assert micro(facts(), onboarding=sent, checkin=sent).type == "micro_beginning"
