from django.contrib.auth.hashers import BasePasswordHasher

from accounts.models import User


class ChangesThePasswordMeanwhile(BasePasswordHasher):
    """While it verifies a password, another request gives everybody who had it another one."""

    algorithm = "meanwhile"

    def encode(self, password, salt):
        return f"meanwhile${password}"

    def verify(self, password, encoded):
        User.objects.filter(password=encoded).update(password="meanwhile$new")
        return encoded == f"meanwhile${password}"

    def decode(self, encoded):
        return {"algorithm": "meanwhile", "hash": encoded}

    def must_update(self, encoded):
        return False

    def harden_runtime(self, password, encoded):
        pass
