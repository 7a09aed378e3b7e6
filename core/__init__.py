"""The ground floor: what every app builds on. No tables, no urls; imports no other app."""
