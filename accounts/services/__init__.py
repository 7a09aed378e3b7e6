"""What can be done with accounts; the modules of this package hold the parts."""

from accounts.services.entering import (
    FIRST_TENANT,
    Account,
    EmailTaken,
    UnknownUser,
    WrongCredentials,
    legacy_log_in,
    legacy_sign_up,
    log_in,
    sign_up,
)
from accounts.services.erasing import LegalHold, erase_person
from accounts.services.identifying import TokenRefused, authenticate_again, authenticate_staff
from accounts.services.keys import create_api_key, note_key_use, revoke_api_key
from accounts.services.old_service import change_imported_account, import_account
from accounts.services.profiles import (
    SCORES,
    derived_medication_status,
    update_baseline,
    update_cycle_stage,
    update_medication_status,
    update_profile,
)
from accounts.services.recording import record_of_account, record_refused_log_in
from accounts.services.sessions import (
    RefreshRefused,
    Session,
    change_password,
    end_sessions,
    refresh_session,
    revoke_session,
    set_active,
    start_session,
)

__all__ = [
    "FIRST_TENANT",
    "SCORES",
    "Account",
    "EmailTaken",
    "LegalHold",
    "RefreshRefused",
    "Session",
    "TokenRefused",
    "UnknownUser",
    "WrongCredentials",
    "authenticate_again",
    "authenticate_staff",
    "change_imported_account",
    "change_password",
    "create_api_key",
    "derived_medication_status",
    "end_sessions",
    "erase_person",
    "import_account",
    "legacy_log_in",
    "legacy_sign_up",
    "log_in",
    "note_key_use",
    "record_of_account",
    "record_refused_log_in",
    "refresh_session",
    "revoke_api_key",
    "revoke_session",
    "set_active",
    "sign_up",
    "start_session",
    "update_baseline",
    "update_cycle_stage",
    "update_medication_status",
    "update_profile",
]
