"""The console's pages about limits, for superusers alone: limits hold for all clinics at once."""

from ratelimits.admin.watching import RateLimitRuleAdmin

__all__ = ["RateLimitRuleAdmin"]
