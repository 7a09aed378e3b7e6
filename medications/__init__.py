"""What a person is to take and when, and what they took of it.

Owns user_medications and medication_regimens; medication_adherence is a view over the event log,
where each dose is a medication event. Uses health's log and accounts' time zones. Doors: api.
"""
