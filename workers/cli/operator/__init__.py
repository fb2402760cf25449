"""Verbs of the operator: start, look, check, pause, and what a person may ask for."""
