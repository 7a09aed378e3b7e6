"""Checks of accounts and tokens, with two people made for the purpose."""

import secrets
from typing import Final

from config.deployment.client import Answer, Failed
from config.deployment.run import Person, Skipped, Visit

OTHER_SIGNATURE: Final = (
    "The server does not accept tokens signed with this JWT_SECRET: give the server and this"
    " command the same one (in the environment, or with --jwt-secret-file)."
)


def first_signs_up(visit: Visit) -> None:
    """As an old client does, with a complete onboarding."""
    answer = _sign_up(
        visit,
        "/api/auth/signup",
        visit.first,
        {
            "nickname": "Verify",
            "timezone": visit.time_zone,
            "primary_need": "emotional_support",
            "cycle_stage": "stimulation",
            **dict.fromkeys(("confidence_meds", "confidence_costs", "confidence_overall"), 6),
        },
    )
    answer.must_be(201).must_say("success", value=True)
    if '"token":"' not in answer.text:
        raise Failed(f'{answer.call}: expected the text "token":", which old scripts cut out.')
    answer.must_say("user", "email", value=visit.first.email)
    visit.first.token = str(answer.at("token"))


def second_signs_up(visit: Visit) -> None:
    answer = _sign_up(visit, "/api/v2/auth/signup", visit.second, {})
    visit.second.token = str(answer.must_be(201).at("access_token"))


def _sign_up(visit: Visit, path: str, person: Person, more: dict[str, object]) -> Answer:
    person.may_exist = True
    body = {"email": person.email, "password": person.password, **more}
    answer = visit.server.call("POST", path, body)
    person.may_exist = not 400 <= answer.status < 500  # noqa: PLR2004  It was refused.
    return answer


def address_is_taken(visit: Visit) -> None:
    body = {"email": visit.first.email, "password": visit.first.password}
    answer = visit.server.call("POST", "/api/auth/signup", body).must_be(409)
    if "already exists" not in str(answer.at("error")):
        raise Failed(f'{answer.call}: expected "already exists" in the error, which clients match.')


def first_logs_in(visit: Visit) -> None:
    body = {"email": visit.first.email, "password": visit.first.password}
    answer = visit.server.call("POST", "/api/auth/login", body).must_be(200)
    answer.must_say("userExists", value=True).at("token")
    session = visit.server.call("POST", "/api/v2/auth/login", body).must_be(200)
    token = {"refresh_token": session.at("refresh_token")}
    renewed = visit.server.call("POST", "/api/v2/auth/refresh", token).must_be(200)
    ended = {"token": renewed.at("refresh_token")}
    visit.server.call("POST", "/api/v2/auth/revoke", ended).must_be(204)


def wrong_password_is_refused(visit: Visit) -> None:
    body = {"email": visit.first.email, "password": secrets.token_urlsafe(24)}
    answer = visit.server.call("POST", "/api/auth/login", body)
    if answer.status == 200:  # noqa: PLR2004
        visit.server.call("POST", "/api/v2/auth/login", body).must_be(401)
        raise Skipped(
            "LEGACY_PASSWORDLESS_LOGIN is on: whoever knows an e-mail address is in. Turn it off"
            " when the move is over."
        )
    answer.must_be(401)


def email_token_is_accepted(visit: Visit) -> None:
    token = visit.signed(visit.jwt_secret)
    answer = visit.server.call("GET", "/api/users/me", token=token)
    answer.must_be(200, OTHER_SIGNATURE if answer.status in {401, 403} else "")
    answer.must_say("user", "email", value=visit.first.email)


def foreign_token_is_refused(visit: Visit) -> None:
    token = visit.signed(secrets.token_urlsafe(48))
    visit.server.call("GET", "/api/users/me", token=token).must_be(403)
    visit.server.call("GET", "/api/v2/me", token=token).must_be(401)


def no_token_is_refused(visit: Visit) -> None:
    for path in ("/api/users/me", "/api/checkins", "/api/v2/me", "/api/v2/health/timeline"):
        visit.server.call("GET", path).must_be(401)
