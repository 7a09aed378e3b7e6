"""Signing up, logging in and out."""

import uuid
from typing import Any, Final

from tests.contract.v1_cast import (
    BASELINE,
    BOTH,
    LEGACY,
    NEW,
    PASSWORD,
    REFACTORED,
    Body,
    Call,
    Endpoint,
    Group,
    nobody,
    ten_wrong_passwords,
    under,
    with_password,
)

PROFILE: Final = {
    **BASELINE,
    "nickname": "Ann",
    "primary_need": "medication_management",
    "cycle_stage": "adjusting",
    "top_concern": "cost",
    "medication_status": "taking_meds",
    "timezone": "America/New_York",
    "email_opt_in": False,
    "onboarding_path": "test",
}
ONBOARDING: Final = (
    "nickname confidence_meds confidence_costs confidence_overall onboarding_path"
    " baseline_completed primary_need cycle_stage"
)
USER: Final = f"id email timezone email_opt_in top_concern created_at {ONBOARDING}"
SIGNED_UP: Final = ["success", "token", "message", *under("user", USER)]
LOGGED_IN: Final = [*SIGNED_UP, "userExists"]
LONG_ADDRESS: Final = "a" * 250 + "@example.com"


def new_email(**further: Any) -> Body:
    return lambda _: {"email": f"{uuid.uuid4().hex}@example.com", **further}


def their_email(**further: Any) -> Body:
    return lambda person: {"email": f" {person.email.upper()} ", **further}


def sign_ups(*, old_checks: str) -> list[Call]:
    # Scripts send what the old service did not know.
    script = {"password": PASSWORD, "firstName": "Ann", "lastName": "Lee"}
    return [
        Call(201, "a whole profile is sent", new_email(**PROFILE), SIGNED_UP),
        Call(201, "the address alone is sent", new_email(), SIGNED_UP),
        Call(201, "the nickname is empty", new_email(nickname=""), SIGNED_UP),
        Call(201, "a password and unknown keys are sent", new_email(**script), SIGNED_UP),
        Call(400, "there is no address", {"nickname": "Ann"}),
        Call(400, "the address is not one", {"email": "ann"}, old=old_checks),
        Call(400, "the address is longer than 254", {"email": LONG_ADDRESS}, old=old_checks),
        Call(400, "the nickname is longer than 50", new_email(nickname="x" * 51), old=old_checks),
        Call(400, "a score is not from 1 to 10", new_email(confidence_meds=99), old=NEW),
        Call(400, "the time zone is unknown", new_email(timezone="Mars"), old=NEW),
        Call(
            400,
            "the password is too simple",
            new_email(password="12345678"),
            old=NEW,
            passwordless=False,
        ),
        Call(409, "the address has an account", their_email(), says="already exists"),
    ]


LOG_INS: Final = [
    Call(
        *(200, "the password is right", their_email(password=PASSWORD), LOGGED_IN, NEW),
        given=with_password,
        passwordless=False,
    ),
    Call(
        *(200, "the address has an account (passwordless)", their_email(), LOGGED_IN),
        passwordless=True,
    ),
    Call(
        *(200, "a password comes along (passwordless)", their_email(password=5), LOGGED_IN),
        passwordless=True,
    ),
    Call(400, "there is no address", {"password": PASSWORD}),
    Call(400, "the address is not one", {"email": "ann", "password": PASSWORD}, old=LEGACY),
    Call(400, "the address is longer than 254", {"email": LONG_ADDRESS}, old=LEGACY),
    Call(400, "there is no password", their_email(), old=NEW, passwordless=False),
    Call(
        *(401, "the password is wrong", their_email(password="wrong horse"), (), NEW),
        given=with_password,
        passwordless=False,
    ),
    Call(
        *(401, "the account has no password", their_email(password=PASSWORD), (), NEW),
        passwordless=False,
    ),
    Call(404, "nobody has the address (passwordless)", new_email(), passwordless=True),
    Call(
        *(429, "ten passwords were wrong", their_email(password=PASSWORD), ["retry_after"], BOTH),
        given=ten_wrong_passwords,
        passwordless=False,
    ),
]
ACCOUNTS: Final = Group(
    "Accounts",
    [
        Endpoint(
            *("POST", "/api/users", "Sign up"),
            sign_ups(old_checks=BOTH),
            needs_token=False,
            takes_body=True,
        ),
        Endpoint(
            *("POST", "/api/auth/signup", "Sign up, by its other name"),
            sign_ups(old_checks=NEW),
            needs_token=False,
            takes_body=True,
            old=REFACTORED,
        ),
        Endpoint(
            *("POST", "/api/auth/login", "Log in"),
            LOG_INS,
            needs_token=False,
            takes_body=True,
        ),
        Endpoint(
            *("POST", "/api/auth/logout", "Log out, which the client does by itself"),
            [
                Call(200, "there is a token", {}, ["success", "message"]),
                Call(200, "there is none", {}, ["success", "message"], who=nobody),
            ],
            needs_token=False,
            old=REFACTORED,
        ),
    ],
)
