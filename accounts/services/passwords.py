"""Which passwords are good enough, and whether one is right."""

from typing import Final

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError

from accounts.models import User
from core.errors import FieldError, InvalidInput

LONGEST_PASSWORD: Final = 1024


def new_password(value: object, user: User, field: str = "password") -> str:
    if not isinstance(value, str) or len(value) > LONGEST_PASSWORD:
        detail = f"{field}: must be a text of at most {LONGEST_PASSWORD} characters."
        raise InvalidInput.at(f"/{field}", detail)
    try:
        password_validation.validate_password(value, user)
    except ValidationError as error:
        errors = [FieldError(message, pointer=f"/{field}") for message in error.messages]
        raise InvalidInput(f"{field}: {' '.join(error.messages)}", errors) from error
    return value


def is_good(password: object) -> bool:
    try:
        new_password(password, User())
    except InvalidInput:
        return False
    return True
