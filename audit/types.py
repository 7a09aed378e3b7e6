"""Words of the audit log."""

import uuid
from typing import Final

import msgspec
from django.db import models

# Entries of the whole house have this tenant, so that its chain is like any other.
HOUSE: Final = uuid.UUID(int=0)
# Of any entry, whatever the retention of its category is.
LEAST_DAYS_KEPT: Final = 30


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


class GroupBy(models.TextChoices):
    """What must be the same for entries to count together."""

    ACTOR = "actor", "the same actor"
    SUBJECT = "subject", "the same person's record"
    OBJECT = "object", "the same object"
    TENANT = "tenant", "the same clinic"
    NETWORK = "network", "the same network"
    EVERYTHING = "everything", "all together"


class Counts(models.TextChoices):
    """What of entries is counted."""

    ENTRIES = "entries", "entries"
    OBJECTS = "objects", "objects they are about"
    PEOPLE = "people", "different people they are about"


class Looked(msgspec.Struct, frozen=True):
    """A person's record that is looked at: of one thing its id, of more how many they are."""

    subject_id: uuid.UUID
    tenant_id: uuid.UUID
    object_id: str = ""
    object_count: int = 1
