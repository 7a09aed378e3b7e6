"""Clients of OFREP, as a person and as a server."""

from typing import Any

from accounts import services
from accounts.models import Tenant
from accounts.types import ApiScope
from flags.types import Variant
from tests.conftest import ApiClient

ONE = "/ofrep/v1/evaluate/flags/"
ALL = "/ofrep/v1/evaluate/flags"
HALF = [Variant("on", value=True, ranges=[(0, 50_000)]), Variant("off", value=False)]
EVERYBODY = [Variant("on", value=True, ranges=[(0, 100_000)]), Variant("off", value=False)]


def make_key(
    *scopes: ApiScope, tenant: Tenant | None = None, environment: str = ""
) -> tuple[Any, str]:
    return services.create_api_key(
        name="A server",
        scopes=scopes or [ApiScope.EVALUATE_FLAGS],
        tenant_id=tenant.id if tenant else None,
        environment=environment,
        expires_at=None,
        created_by_id=None,
    )


def server_of(*scopes: ApiScope, tenant: Tenant | None = None, environment: str = "") -> ApiClient:
    _, secret = make_key(*scopes, tenant=tenant, environment=environment)
    return ApiClient(headers={"x-api-key": secret})


def ask(client: ApiClient, key: str, **context: Any) -> Any:
    return client.call("POST", ONE + key, {"context": context})


def ask_all(client: ApiClient, **context: Any) -> tuple[Any, dict[str, Any]]:
    response = client.call("POST", ALL, {"context": context})
    return response, {one["key"]: one for one in response.json()["flags"]}


def pairs_of(taken: list[Any], key: str) -> list[tuple[str, Any]]:
    """Read what counting.take() was given: outcome, subject, outcome, subject."""
    pairs = zip(taken[::2], taken[1::2], strict=True)
    return [(one.key, subject) for one, subject in pairs if one.key == key]
