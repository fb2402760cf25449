"""Verbs of the support and marketing team: tickets, waves, rule tables."""
