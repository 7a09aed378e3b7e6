"""What people report about their health: the event log and the daily check-in on top of it.

Owns the tables health_events and daily_checkins and the view daily_checkins_legacy. Its doors
are the check-in pages of V1, the health pages of V2 and the admin. It uses accounts and core.
"""
