"""Words of the audit log."""

import uuid
from typing import Final

from django.db import models

# Entries of the whole house have this tenant, so that its chain is like any other.
HOUSE: Final = uuid.UUID(int=0)


class Category(models.TextChoices):
    """What kind of thing happened; how long it is kept goes by this."""

    ACCESS = "access", "A look at a record"
    CHANGE = "change", "A change of rows"
    SECURITY = "security", "Log-ins, rights, keys"
    ADMINISTRATION = "administration", "Work in the console"
    SYSTEM = "system", "The log itself"


class ActorKind(models.TextChoices):
    PERSON = "person", "The person"
    STAFF = "staff", "Staff"
    ADMINISTRATOR = "administrator", "Administrator"
    SERVER = "server", "A server with a key"
    SYSTEM = "system", "Novara itself"
    ANONYMOUS = "anonymous", "Nobody known"
    DATABASE = "database", "SQL past the service"


class Outcome(models.TextChoices):
    SUCCESS = "success", "Done"
    FAILURE = "failure", "Refused"


class Severity(models.TextChoices):
    INFO = "info", "Note"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


class AlertStatus(models.TextChoices):
    """open → acknowledged → resolved; open → resolved."""

    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    RESOLVED = "resolved", "Resolved"
