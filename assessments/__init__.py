"""Questionnaires: what they ask, how they are scored, and when the next one is due.

Owns assessment_definitions, a clinic's own; PHQ-4, PHQ-9 and GAD-7 are built in. A completed one
is an assessment event in the log; assessment_responses is a view over those. Doors: api, admin.
"""
