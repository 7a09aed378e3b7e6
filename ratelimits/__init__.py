"""How often callers may do what: the rules, the store that counts, and what came of it.

Owns rate_limit_rules and what is noted of limits and requests: rate_limit_buckets,
rate_limit_violations, rate_limit_traffic and api_traffic_hours. The door (config/limits.py) asks
services.check() before each request of an API; accounts takes the figures of its log-in limits
from rules. Whom a request is of is told by the door: nothing here reads people.
"""
