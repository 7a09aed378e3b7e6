"""The console's pages about the audit log: its entries, its alerts, and its own settings."""

from audit.admin import alerts, holds, log, retention, rules

__all__ = ["alerts", "holds", "log", "retention", "rules"]
