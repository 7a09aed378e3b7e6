"""The log in plain words: what each event means, and what its objects are called."""

from collections.abc import Mapping
from typing import Any, Final

from audit.types import ActorKind

# Events by the sentence that tells them: {who} did it, {whose} is the person or "nobody's".
SENTENCES: Final[Mapping[str, str]] = {
    "record-read": "{who} read {whose} record: {what}",
    "record-viewed": "{who} looked at the record of {person}: {what}",
    "records-listed": "{who} saw {person} in a list: {what}",
    "document-disclosed": "{who} opened what is in a document of {person}",
    "log-in": "{who} logged in",
    "log-out": "{who} logged out",
    "password-changed": "{who} changed the password of {person}",
    "sessions-ended": "{who} ended all sessions of {person}",
    "refresh-token-reused": "A refresh token of {person} was used a second time; its session ended",
    "rights-changed": "{who} changed the rights of {person}",
    "api-key-created": "{who} made an API key",
    "api-key-revoked": "{who} revoked an API key",
    "person-erased": "{who} erased a person and all that was theirs",
    "audit-viewed": "{who} looked at the audit log",
    "audit-exported": "{who} exported entries of the audit log",
    "entries-pruned": "{who} deleted what had been kept for long enough: {what}",
    "payloads-erased": "{who} took what entries told of a person out of the audit log, as they were"
    " erased",
    "database-restored": "{who} said that a backup took the database's place",
    "log-settings-changed": "{who} changed the settings of the audit log: {what}",
    "retention-changed": "{who} changed how long entries are kept: {object}",
    "limit-rule-changed": "{who} changed the rate limit {object}",
    "legal-hold-placed": "{who} placed a legal hold",
    "legal-hold-released": "{who} released a legal hold",
    "alert-acknowledged": "{who} acknowledged an alert",
    "alert-resolved": "{who} resolved an alert",
    "reads-not-noted": "Looks of people at their own record could not be noted",
    "row-inserted": "{who} added {what}",
    "row-updated": "{who} changed {what}",
    "row-deleted": "{who} deleted {what}",
    "rows-truncated": "{who} emptied a whole table, with all {all}",
}
# The same, where it was about somebody.
OF_PERSON: Final[Mapping[str, str]] = {
    "audit-viewed": "{who} looked at what the audit log tells of {person}: {what}",
}
FAILURES: Final[Mapping[str, str]] = {
    "log-in": "A log-in to {account} was refused",
    "password-changed": "{who} was refused a new password for {person}",
}
OTHERWISE: Final = "{who}: {event}, {what}"

# What rules can count: never rows, and of looks those at somebody else's record.
EVENTS: Final[Mapping[str, str]] = {
    "log-in": "Log-in",
    "log-out": "Log-out",
    "password-changed": "Password changed",
    "sessions-ended": "All sessions of somebody ended",
    "refresh-token-reused": "Refresh token used a second time",
    "rights-changed": "Rights given or taken",
    "rows-truncated": "Table emptied",
    "api-key-created": "API key made",
    "api-key-revoked": "API key revoked",
    "person-erased": "Person erased",
    "record-viewed": "Look at somebody's record",
    "records-listed": "Somebody seen in a list",
    "document-disclosed": "Content of a document opened",
    "audit-viewed": "Look at the audit log",
    "audit-exported": "Export of the audit log",
    "log-settings-changed": "The log's own settings changed",
    "retention-changed": "Retention changed",
    "limit-rule-changed": "Rate limit changed",
    "legal-hold-placed": "Legal hold placed",
    "legal-hold-released": "Legal hold released",
    "alert-acknowledged": "Alert acknowledged",
    "alert-resolved": "Alert resolved",
    "entries-pruned": "Entries deleted by retention",
    "payloads-erased": "Entries of an erased person emptied",
    "reads-not-noted": "Looks that could not be noted",
    "database-restored": "Database restored from a backup",
}
# What they cannot: too many, and no index leads to one event of them.
ROWS: Final[Mapping[str, str]] = {
    "row-inserted": "Row added",
    "row-updated": "Row changed",
    "row-deleted": "Row deleted",
    "record-read": "Look at one's own record",
}

# Tables and parts of a record, as people call one and several of them.
OBJECTS: Final[Mapping[str, tuple[str, str]]] = {
    "": ("something", "things"),
    "health": ("health data", "health data"),
    "documents": ("a document", "documents"),
    "analytics_events": ("an analytics event", "analytics events"),
    "api_keys": ("an API key", "API keys"),
    "assessment_definitions": ("a questionnaire", "questionnaires"),
    "audit_alert_rules": ("an alert rule", "alert rules"),
    "audit_alerts": ("an alert", "alerts"),
    "audit_legal_holds": ("a legal hold", "legal holds"),
    "audit_logs": ("an entry of the audit log", "entries of the audit log"),
    "audit_retention": ("the retention of entries", "the retention of entries"),
    "daily_checkins": ("a check-in", "check-ins"),
    "encryption_keys": ("an encryption key", "encryption keys"),
    "erasure_certificates": ("an erasure certificate", "erasure certificates"),
    "feature_flag_change_requests": ("a request to change a flag", "requests to change flags"),
    "feature_flag_ramps": ("a ramp of a flag", "ramps of flags"),
    "feature_flags": ("a feature flag", "feature flags"),
    "health_events": ("a health event", "health events"),
    "insight_acknowledgements": ("word about a safety alert", "words about safety alerts"),
    "insight_interactions": ("what was done with an insight", "what was done with insights"),
    "insights": ("an insight", "insights"),
    "legacy_records": ("a row of the old service", "rows of the old service"),
    "medication_regimens": ("a schedule of a medication", "schedules of medications"),
    "rate_limit_rules": ("a rate limit", "rate limits"),
    "tenants": ("a clinic", "clinics"),
    "user_medications": ("a medication", "medications"),
    "user_profiles": ("a profile", "profiles"),
    "users": ("an account", "accounts"),
}
# In the order of ActorKind; who has no name is called so.
NAMELESS: Final[Mapping[str, str]] = {
    ActorKind.PERSON: "A person",
    ActorKind.STAFF: "A member of staff",
    ActorKind.ADMINISTRATOR: "An administrator",
    ActorKind.SERVER: "A server with a key",
    ActorKind.SYSTEM: "Novara itself",
    ActorKind.ANONYMOUS: "Somebody who was not logged in",
    ActorKind.DATABASE: "SQL past the service",
}
TITLES: Final[Mapping[str, str]] = {
    ActorKind.PERSON: "",
    ActorKind.STAFF: "Staff member ",
    ActorKind.ADMINISTRATOR: "Administrator ",
}


def named(object_type: str) -> tuple[str, str]:
    return OBJECTS.get(object_type, (object_type.replace("_", " "),) * 2)


def what(object_type: str, count: int) -> str:
    """Name what an entry is about: "a check-in", "12 health events"."""
    one, several = named(object_type)
    return one if count == 1 else f"{count:,} {several}"


def read(object_type: str, count: int) -> str:
    """Name what was read, and how often within a second: "insights, 3 times"."""
    several = named(object_type)[1]
    return several if count == 1 else f"{several}, {count:,} times"


def changed_columns(details: Mapping[str, Any] | None) -> Mapping[str, Any]:
    changed = (details or {}).get("changed")
    return changed if isinstance(changed, dict) else {}
