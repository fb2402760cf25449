"""Verbs of the CRM engineer: events in, files in, dead letters."""
