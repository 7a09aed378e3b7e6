"""Tickets: what a URL holds in place of a bearer token."""

import uuid

import pytest

from accounts.authentication import BearerAuthentication, TokenInvalid
from core import tickets
from core.gate import Claims

CLAIMS = Claims(str(uuid.uuid4()), session_id=str(uuid.uuid4()), issued_at=1_700_000_000.5)


def issue(*, purpose: str = "films", claims: Claims | None = CLAIMS, seconds: int = 60) -> str:
    return tickets.issue(purpose=purpose, claims=claims, key_id=None, seconds=seconds)


def changed(ticket: str) -> str:
    return f"{ticket[:5]}{'A' if ticket[5] != 'A' else 'B'}{ticket[6:]}"


@pytest.mark.parametrize(
    "claims", [CLAIMS, Claims(CLAIMS.user_id, issued_at=None), Claims(CLAIMS.user_id)]
)
def test_gives_back_the_claims_of_a_person(claims):
    ticket = tickets.read(issue(claims=claims), purpose="films")

    assert ticket.claims == claims
    assert ticket.holder == claims.user_id


def test_gives_back_the_id_of_a_key():
    ticket = tickets.issue(purpose="films", claims=None, key_id="a-key", seconds=60)

    found = tickets.read(ticket, purpose="films")

    assert found == tickets.Ticket(claims=None, key_id="a-key")
    assert found.holder == "a-key"


@pytest.mark.parametrize(
    "ticket",
    [
        issue(purpose="plays"),
        issue(seconds=0),
        changed(issue()),
        issue() + "A",
        "",
        "a:b:c",
        "ä:b\x00",
    ],
)
def test_refuses_what_was_not_given_for_this_or_is_over(ticket):
    with pytest.raises(tickets.TicketInvalid) as refusal:
        tickets.read(ticket, purpose="films")

    assert refusal.value.status == 401
    assert refusal.value.code == "ticket-invalid"


def test_is_no_bearer_token():
    with pytest.raises(TokenInvalid):
        BearerAuthentication.claims(f"Bearer {issue()}")


def test_holds_no_address():
    both = Claims(CLAIMS.user_id, email="dana@example.com")

    assert tickets.read(issue(claims=both), purpose="films").claims == Claims(CLAIMS.user_id)
    with pytest.raises(ValueError, match="by id"):
        issue(claims=Claims(email="dana@example.com"))


@pytest.mark.parametrize(("claims", "key_id"), [(None, None), (CLAIMS, "a-key")])
def test_is_for_one_holder(claims, key_id):
    with pytest.raises(ValueError, match="a person or"):
        tickets.issue(purpose="films", claims=claims, key_id=key_id, seconds=60)
