"""Nobody gets, or learns, what flags say of others."""

import uuid

import pytest

from accounts.types import ApiScope
from flags.models import FeatureFlag
from flags.targeting import email_hash
from flags.types import Condition, Operator, Prerequisite
from tests.conftest import client_of
from tests.factories import make_tenant, make_user
from tests.flags.asking import ALL, EVERYBODY, HALF, ONE, ask, ask_all, server_of


@pytest.mark.parametrize("other", ["bob", "charlie", "nobody's"])
def test_refuses_a_token_that_names_another_person(flags, as_alice, other, request):
    flags.make("part", variants=HALF)
    named = uuid.uuid4() if other == "nobody's" else request.getfixturevalue(other).id

    for path in (ALL, f"{ONE}part"):
        response = as_alice.call("POST", path, {"context": {"targetingKey": str(named)}})
        assert response.status_code == 400
        assert response.json()["errorCode"] == "INVALID_CONTEXT"
        assert "/api/v2/me" in response.json()["errorDetails"]
        assert str(named) not in response.content.decode()


def test_takes_a_persons_own_id(flags, as_alice, alice):
    flags.make("part", variants=HALF)

    told = [ask(as_alice, "part", targetingKey=key) for key in (str(alice.id).upper(), None, "")]

    assert {one.status_code for one in told} == {200}
    assert {one.json()["metadata"]["contextId"] for one in told} == {str(alice.id)}


def test_gives_what_is_for_one_person_to_them_alone(flags, as_alice, as_bob, alice, bob):
    flags.make("hers", enabled_user_ids=[alice.id])
    flags.make("by-address", enabled_user_emails=[email_hash("by-address", alice.email)])

    for key in ("hers", "by-address"):
        assert ask(as_alice, key).json()["value"] is True
        assert ask(as_bob, key, email=alice.email).json()["value"] is False
        refused = ask(as_bob, key, targetingKey=str(alice.id))
        assert refused.status_code == 400


def test_gives_what_is_for_a_clinic_to_its_people_alone(
    flags, as_alice, as_charlie, alice, charlie
):
    flags.make("clinics", enabled_tenant_ids=[charlie.tenant_id])
    wants = Condition("tenant", Operator.ONE_OF, [str(charlie.tenant_id)])
    flags.make("conditional", variants=EVERYBODY, conditions=[wants])

    for key in ("clinics", "conditional"):
        assert ask(as_charlie, key).json()["value"] is True
        assert ask(as_charlie, key, tenant=str(alice.tenant_id)).json()["value"] is True
        assert ask(as_alice, key, tenant=str(charlie.tenant_id)).json()["value"] is False


def test_gives_a_clinics_key_the_view_of_that_clinic(flags, alice, charlie):
    flags.make("clinics", enabled_tenant_ids=[charlie.tenant_id])
    theirs, others, house = (
        server_of(tenant=charlie.tenant),
        server_of(tenant=alice.tenant),
        server_of(),
    )

    def value(client, tenant):
        return ask(client, "clinics", tenant=tenant).json()["value"]

    assert value(theirs, None) is value(theirs, str(alice.tenant_id)) is True
    assert value(others, None) is value(others, str(charlie.tenant_id)) is False
    assert value(house, None) is False
    assert value(house, str(charlie.tenant_id).upper()) is True


def test_tells_a_clinics_key_nothing_of_other_clinics_people(flags, alice, charlie):
    """Somebody on a list is somebody who is treated here."""
    people, stranger = (alice, charlie), "nobody@example.org"
    flags.make("by-id", enabled_user_ids=[one.id for one in people])
    hashes = [email_hash("by-address", one) for one in (alice.email, charlie.email, stranger)]
    flags.make("by-address", variants=EVERYBODY, disabled_user_emails=hashes)
    flags.make("behind", variants=EVERYBODY, prerequisites=[Prerequisite("by-id", ["on"])])
    key = server_of(ApiScope.EVALUATE_FLAGS, ApiScope.EXPLAIN_FLAGS, tenant=charlie.tenant)

    def details(name, **context):
        _, items = ask_all(key, **context)
        one = ask(key, name, **context).json()
        assert items[name] == one
        return one["metadata"]["reasonDetail"]

    def found(person):
        address = person.email.upper()
        path = f"/api/v2/flags/by-id?targeting_key={person.id}"
        return (
            details("by-id", targetingKey=str(person.id).upper()),
            details("by-id", targetingKey=str(person.id), email=stranger),
            details("behind", targetingKey=str(person.id)),
            details("by-address", targetingKey="visitor-7", email=f" {address} "),
            key.call("GET", path).json()["reason"],
        )

    listed = ("user_enabled", "user_enabled", "everybody", "user_disabled", "user_enabled")
    assert found(charlie) == listed
    assert found(alice) == ("nobody", "nobody", "prerequisite", "everybody", "nobody")
    assert details("by-address", email=stranger) == "user_disabled"


def test_draws_other_clinics_people_as_everybody(flags, alice, charlie):
    flags.make("part", variants=HALF, enabled_user_ids=[charlie.id])
    clinic, house = server_of(tenant=charlie.tenant), server_of()

    told = [ask(client, "part", targetingKey=str(alice.id)).json() for client in (clinic, house)]

    assert told[0] == told[1]
    assert told[0]["reason"] == "SPLIT"


def test_asks_whose_somebody_is_only_where_lists_name_people(
    flags, charlie, django_assert_num_queries
):
    for key in FeatureFlag.objects.values_list("flag_name", flat=True):
        flags.change(key, enabled_user_ids=[], enabled_user_emails=[])
    client = server_of(tenant=charlie.tenant)
    ask_all(client)

    with django_assert_num_queries(0):
        ask_all(client, targetingKey=str(charlie.id), email=charlie.email)
    flags.make("by-id", enabled_user_ids=[charlie.id])
    with django_assert_num_queries(1):
        ask_all(client, targetingKey=str(charlie.id), email=charlie.email)
    with django_assert_num_queries(0):
        ask_all(client, targetingKey="device-17")


def test_lets_a_house_key_ask_by_address(flags, alice):
    flags.make("by-address", disabled_user_emails=[email_hash("by-address", alice.email)])

    found = ask(server_of(), "by-address", email=alice.email.upper()).json()

    assert found["metadata"]["reasonDetail"] == "user_disabled"


def test_tells_nothing_of_lists_and_notes(flags, as_bob, alice, charlie):
    flags.make(
        "secretive",
        description="words for admins",
        owner="the-owner",
        enabled_user_ids=[alice.id],
        enabled_user_emails=[email_hash("secretive", alice.email)],
        disabled_tenant_ids=[charlie.tenant_id],
        environment_restrictions=["a-secret-place", "production"],
        conditions=[Condition("plan", Operator.ONE_OF, ["a-secret-plan"])],
    )
    secrets = [
        *(str(alice.id), email_hash("secretive", alice.email), str(charlie.tenant_id)),
        *("words for admins", "the-owner", "a-secret-place", "a-secret-plan", alice.email),
    ]

    answers = [
        ask(as_bob, "secretive"),
        ask_all(as_bob)[0],
        as_bob.call("GET", "/api/v2/flags"),
        as_bob.call("GET", "/api/v2/flags/secretive"),
    ]

    for answer in answers:
        assert answer.status_code == 200
        assert not [one for one in secrets if one in answer.content.decode()]


def test_explains_to_a_person_their_own_flags_alone(flags, as_alice, as_bob, alice):
    flags.make("hers", enabled_user_ids=[alice.id])

    refused = as_bob.call("GET", f"/api/v2/flags/hers?targeting_key={alice.id}")
    own = as_alice.call("GET", f"/api/v2/flags/hers?targeting_key={alice.id}")

    assert refused.status_code == 400
    assert str(alice.id) not in refused.content.decode()
    assert own.json()["reason"] == "user_enabled"


def test_explains_to_a_clinics_key_as_to_that_clinic(flags, alice, charlie):
    flags.make("clinics", enabled_tenant_ids=[charlie.tenant_id])
    path = f"/api/v2/flags/clinics?targeting_key={charlie.id}"

    reasons = [
        server_of(ApiScope.EXPLAIN_FLAGS, tenant=tenant).call("GET", path).json()["reason"]
        for tenant in (charlie.tenant, alice.tenant)
    ]

    assert reasons == ["user_enabled", "nobody"]


@pytest.mark.parametrize("path", [ALL, f"{ONE}part"])
@pytest.mark.parametrize("what", ["account", "tenant"])
def test_refuses_who_was_switched_off(flags, path, what):
    flags.make("part", variants=HALF)
    user = make_user(tenant=make_tenant())
    client = client_of(user)
    before = client.call("POST", path, {})
    off = user if what == "account" else user.tenant
    off.is_active = False
    off.save()

    assert before.status_code == 200
    assert client.call("POST", path, {}).status_code == 401


def test_gives_different_answers_different_tags(flags, as_alice, as_bob):
    flags.make("part", variants=HALF)
    hers, _ = ask_all(as_alice)

    response = as_bob.call("POST", ALL, {}, If_None_Match=hers["ETag"])

    assert response.status_code == 200
