"""The console's pages about flags, for superusers alone: they decide about all clinics at once."""

from flags.admin.history import FeatureFlagAdmin
from flags.admin.plans import RampAdmin
from flags.admin.requests import ChangeRequestAdmin

__all__ = ["ChangeRequestAdmin", "FeatureFlagAdmin", "RampAdmin"]
