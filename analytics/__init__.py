"""Figures over a person's days: series, trends, comparisons, and the day at a glance.

Owns no table: it reads health's daily metrics, medications' adherence, assessments and insights.
Doors: api.
"""
