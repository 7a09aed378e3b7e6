"""What a service raises when it cannot do what was asked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec

# An answer names this many faults, with this much of each: input can be one fault per byte.
MOST_FAULTS: Final = 100
LONGEST_FAULT: Final = 300
# Says to programs that another token is needed, whatever else the version of the API answers.
TOKEN_REFUSED: Final = 'Bearer error="invalid_token"'  # noqa: S105  It is a header field.


@dataclass(frozen=True)
class FieldError:
    """One fault of the input: a JSON pointer (RFC 6901) into the body, or a query parameter."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


@dataclass(eq=False)  # Two refusals are never the same one, and an exception must have a hash.
class DomainError(Exception):
    """A refusal: `code` is stable and kebab-case, `detail` a sentence for the caller.

    Subclasses set status and code; both API versions turn it into their own shape.
    """

    detail: str = "The request could not be carried out."
    errors: Sequence[FieldError] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    status = 400
    code = "invalid-request"
    retryable = False

    @property
    def headers(self) -> dict[str, str]:
        """Header fields of this kind of refusal (RFC 9110, 11.6.1 and 10.2.3; RFC 6750, 3)."""
        headers = {}
        if self.status == HTTPStatus.UNAUTHORIZED:
            is_of_token = self.code == "token-invalid"
            headers["WWW-Authenticate"] = TOKEN_REFUSED if is_of_token else "Bearer"
        if "retry_after" in self.extra:
            headers["Retry-After"] = str(self.extra["retry_after"])
        return headers

    def __str__(self) -> str:
        return self.detail


class InvalidInput(DomainError):
    code = "invalid-input"

    @classmethod
    def at(cls, pointer: str, detail: str) -> "InvalidInput":
        return cls(detail, [FieldError(detail, pointer=pointer)])

    @classmethod
    def of_parameter(cls, name: str, detail: str) -> "InvalidInput":
        return cls(detail, [FieldError(detail, parameter=name)])


class NotFound(DomainError):
    status = 404
    code = "not-found"


class VersionMismatch(DomainError):
    """What If-Match names is no longer the newest version."""

    status = 412
    code = "version-mismatch"


class TooLarge(InvalidInput):
    status = 413
    code = "body-too-large"


def invalid(error: msgspec.ValidationError) -> InvalidInput:
    """Turn "Expected `int`, got `str` - at `$.a[0]`" into a sentence with a JSON pointer."""
    text = str(error)
    # It may quote a name of the body's length, so nothing here may cost the square of it.
    fault, is_inside, at = text.rpartition(" - at `")
    if not is_inside:
        fault, at = text, ""
    path = at.removeprefix("key in ").removeprefix("$").removesuffix("`")[:LONGEST_FAULT]
    pointer = path.replace("[...]", "").replace("[", "/").replace("]", "").replace(".", "/")
    if named := re.search(r"(unknown|required) field `(.+)`", fault):
        pointer += f"/{named[2][:LONGEST_FAULT]}"
        fault = "Unknown field" if named[1] == "unknown" else "Is required"
    name = pointer.strip("/") or "body"
    fault = fault[:LONGEST_FAULT]
    return InvalidInput(f"{name}: {fault}.", [FieldError(f"{fault}.", pointer=pointer)])
