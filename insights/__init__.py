"""What a person's data says to them, and what they did with it.

Owns insights, insight_interactions, analytics_events and insight_cursors. Insights rest on what
health and accounts answer (their queries); only tasks and calls to generate write them, a GET
never does. Doors: api, admin.
"""
