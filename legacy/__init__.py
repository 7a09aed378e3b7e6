"""The way in from the old service, and the way back: migrate_v1 and its proof.

Owns legacy_imports and legacy_records. Reads old databases (sources), says where each column
goes (mapping), and writes through accounts, health and insights. Doors: commands.
"""
