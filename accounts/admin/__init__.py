"""The console's pages about people, clinics, keys of servers, and what is left of people who were
erased."""

from accounts.admin import certificates, clinics, keys, people

__all__ = ["certificates", "clinics", "keys", "people"]
