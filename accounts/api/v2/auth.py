"""/api/v2/auth/…: short access tokens and refresh tokens that are used once (RFC 6749, 7009)."""

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, services
from accounts.services import Account, Session
from core.api.v2 import Body, V2View


class SignUpIn(Body):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(
        max_length=1024, trim_whitespace=False, help_text="At least 8 characters, no common one."
    )
    nickname = serializers.CharField(max_length=50, required=False)
    timezone = serializers.CharField(
        max_length=64, required=False, help_text="IANA name; decides which day an event is on."
    )


class LogInIn(Body):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=1024, trim_whitespace=False)


class RefreshIn(Body):
    refresh_token = serializers.CharField(max_length=200)


class RevokeIn(Body):
    token = serializers.CharField(max_length=200, help_text="The refresh token of the session.")


class PasswordIn(Body):
    current_password = serializers.CharField(
        max_length=1024,
        trim_whitespace=False,
        required=False,
        allow_blank=True,
        default="",
        help_text="Left out by an account that has no password yet.",
    )
    new_password = serializers.CharField(max_length=1024, trim_whitespace=False)


class SessionOut(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField(help_text="Can be used once.")
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds that the access token lives.")


class PersonOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    nickname = serializers.CharField()
    timezone = serializers.CharField()


PERSON = ("id", "email", "nickname", "timezone")


class SessionWithPersonOut(SessionOut):
    user = PersonOut()


class SignUp(V2View):
    is_open = True

    @extend_schema(summary="Sign up", request=SignUpIn, responses={201: SessionWithPersonOut})
    def post(self, request: Request) -> Response:
        sent = checked(SignUpIn, request)
        account = services.sign_up(
            email=sent.pop("email"),
            password=sent.pop("password"),
            profile=sent,
            address=self.address,
            now=timezone.now(),
        )
        session = services.start_session(account=account, now=timezone.now())
        return Response(with_person(session, account), status=status.HTTP_201_CREATED)


class LogIn(V2View):
    is_open = True

    @extend_schema(summary="Log in", request=LogInIn, responses=SessionWithPersonOut)
    def post(self, request: Request) -> Response:
        account = services.log_in(
            **checked(LogInIn, request),
            address=self.address,
            now=timezone.now(),
        )
        session = services.start_session(account=account, now=timezone.now())
        return Response(with_person(session, account))


class Refresh(V2View):
    is_open = True

    @extend_schema(
        summary="Exchange a refresh token for a new pair", request=RefreshIn, responses=SessionOut
    )
    def post(self, request: Request) -> Response:
        token = checked(RefreshIn, request)["refresh_token"]
        return Response(shown(services.refresh_session(token=token, now=timezone.now())))


class Revoke(V2View):
    is_open = True

    @extend_schema(summary="Log out", request=RevokeIn, responses={204: None})
    def post(self, request: Request) -> Response:
        services.revoke_session(token=checked(RevokeIn, request)["token"], now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class Password(V2View):
    """Open, as hashing takes long and must not hold the gate's transaction; needs a token."""

    is_open = True

    @extend_schema(
        summary="Change the password",
        description="Ends every other session. Needs the bearer token.",
        request=PasswordIn,
        responses=SessionOut,
        auth=[{"bearer": []}],  # type: ignore[list-item]  # It is handed on as it stands.
    )
    def post(self, request: Request) -> Response:
        person = services.authenticate_again(self.claims(request))
        sent = checked(PasswordIn, request)
        session = services.change_password(
            person=person,
            current=sent["current_password"],
            new=sent["new_password"],
            now=timezone.now(),
        )
        return Response(shown(session))


class Me(V2View):
    shows = "profile"

    @extend_schema(summary="The person of the token", responses=PersonOut)
    def get(self, request: Request) -> Response:
        fields = queries.profile(self.person.id)
        return Response({name: fields[name] for name in PERSON})


def checked(shape: type[Body], request: Request) -> dict[str, Any]:
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    values: dict[str, Any] = body.validated_data
    return values


def shown(session: Session) -> dict[str, Any]:
    return {**asdict(session), "token_type": "Bearer"}


def with_person(session: Session, account: Account) -> dict[str, Any]:
    person = {name: account.fields[name] for name in PERSON}
    return {**shown(session), "user": person}
