"""Feature flags: who gets which variant of a feature, why, and since when.

Owns feature_flags, their versions, ramps and change requests, and what is counted of their
evaluations. Whoever asks for a flag calls services; evaluation itself is pure and needs no
database. Uses accounts' people and API keys. Doors: api, admin, the command `flags`.
"""
